"""Two sequences of sound from recordings to predictions, at one rate or as streams of which one may be missing."""

import sys

import documents
import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from conftest import ROOT
from emoflow.artifacts.features import Exclusions
from emoflow.artifacts.model import ModelCard
from emoflow.encoders import FeatureStore, make
from emoflow.encoders.audio import LogMel
from emoflow.encoders.cache import Cache, Entry
from emoflow.errors import MediaError, ParamsError
from emoflow.files import file_digest
from emoflow.registry import loadback
from emoflow.registry.inference import Predictor
from emoflow.registry.package import pack
from emoflow.schema import UTTERANCE_COLUMNS
from emoflow.stages import features, search, train
from in_process import run_stages

CLASSES = ["anger", "neutral", "sadness"]
RATE = 16_000
MUTE = "mine/3-neutral"
"""The clip in which `LogMel` finds nothing."""

pytestmark = pytest.mark.slow


def lay_out(root, join: str) -> None:
    """Six speakers with a clip of each class, whose pitch is the class's."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"corpora": ["mine"], "modalities": ["audio", "text"]}
    params["features"]["audio"] = {"encoders": ["egemaps-lld", "logmel"], "join": join}
    params["features"]["text"]["dimensions"] = 64
    params["search"] |= {
        "strategies": ["audio", "late-average"],
        "configurations": 1,
        "epochs": 2,
        "halvings": 0,
    }
    params["train"]["seeds"] = [0, 1]
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    raw = root / "data/raw/mine"
    raw.mkdir(parents=True)
    generator = np.random.default_rng(0)
    rows = []
    for speaker in range(6):
        for number, label in enumerate(CLASSES):
            path = raw / f"{speaker}-{label}.wav"
            time = np.arange(RATE // 2 + 800 * speaker) / RATE
            sound = 0.3 * np.sin(2 * np.pi * 150 * (number + 1) * time) + generator.normal(0, 0.01, len(time))
            soundfile.write(path, sound, RATE, subtype="PCM_16")
            rows.append(
                {
                    "utterance_id": f"mine/{speaker}-{label}",
                    "corpus": "mine",
                    "speaker": f"mine/{speaker}",
                    "label": label,
                    "audio": path.name,
                    "audio_digest": file_digest(path),
                    "text": "what a day",
                    "text_digest": "0",
                }
            )
    table = pd.DataFrame(rows).reindex(columns=list(UTTERANCE_COLUMNS))
    documents.validated(root, table)
    documents.three_folds(root, table)
    documents.protocol(classes=CLASSES).write(root)
    (_, logmel) = make(["egemaps-lld", "logmel"], {})
    mute = table.set_index("utterance_id").loc[MUTE, "audio_digest"]
    Cache(root / ".emoflow/cache").put(
        Cache.key(mute, logmel), Entry(np.empty((0, 64), np.float32), "nothing in it")
    )


@pytest.fixture(scope="module", params=["concatenate", "streams"])
def experiment(request, tmp_path_factory):
    """The workspace after the stages features, search and train; and its join."""
    root = tmp_path_factory.mktemp(request.param)
    lay_out(root, request.param)
    run_stages(root, features, search, train, arguments=("mine",))
    return root, request.param


def test_from_recordings_to_predictions(experiment, tmp_path, monkeypatch):
    root, join = experiment
    store = FeatureStore.open(root / "data/features/mine")
    assert store.join("audio") == join and store.layout("audio") == [("egemaps-lld", 25), ("logmel", 64)]
    assert (MUTE in store.ids("audio")) == (join == "streams") and len(store.ids("text")) == 18
    (left_out,) = Exclusions.read(root, corpus="mine").exclusions
    lacks = "audio" if join == "concatenate" else "audio/logmel"
    assert (left_out.utterance_id, left_out.modality, left_out.reason) == (MUTE, lacks, "nothing in it")
    (tokens,), (present,) = store.tokens("audio", ["mine/1-anger"])
    made = [(~np.isnan(tokens[present][:, at])).sum() for at in (0, 25)]
    assert made == ([14, 14] if join == "concatenate" else [11, 14])

    predictions = pd.read_parquet(root / "data/predictions.parquet")
    assert set(predictions["strategy"]) == {"audio", "late-average", "chosen", "svm"}
    assert predictions.filter(like="p_").notna().all(axis=None)

    package = pack(root / "data/model", tmp_path / "packed")
    predictor = Predictor(package.model)
    assert predictor.card == ModelCard.read(root) and predictor.card.modalities["audio"].join == join
    recordings = loadback._recordings(root, predictor)
    assert len(recordings) == loadback.RECORDINGS
    for media, stored in recordings:
        found = answer(predictor, media)
        expected = predictor.probabilities([stored])[0]
        np.testing.assert_allclose(found[[f"p_{name}" for name in CLASSES]].to_list(), expected, atol=1e-5)

    def finds_nothing(self, medium):
        raise MediaError("nothing in it")

    monkeypatch.setattr(LogMel, "encode_decoded", finds_nothing)
    found = answer(predictor, {"audio": str(root / "data/raw/mine/3-neutral.wav")})
    if join == "concatenate":
        assert found["label"] is None and found["reason"] == "audio: nothing in it"
    else:
        assert found["modalities_used"] == "audio" and found["unused"] == "audio/logmel: nothing in it"
        expected = predictor.probabilities([{"audio": store.tokens("audio", [MUTE])[0][0]}])[0]
        np.testing.assert_allclose(found[[f"p_{name}" for name in CLASSES]].to_list(), expected, atol=1e-5)


def answer(predictor: Predictor, row: dict) -> pd.Series:
    return predictor.table(
        pd.DataFrame({name: pd.Series([each], dtype=object) for name, each in row.items()})
    ).iloc[0]


def test_a_table_of_features_has_no_streams(tmp_path, monkeypatch):
    lay_out(tmp_path, "streams")
    (tmp_path / "data/raw/mine/attached").mkdir()
    (tmp_path / "data/raw/mine/attached/audio.csv").write_text("name,f1\n0-anger,1.0\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["features", "mine"])
    with pytest.raises(
        ParamsError, match=r"features\.audio\.join is 'streams', and the audio features that came"
    ):
        features.main()
