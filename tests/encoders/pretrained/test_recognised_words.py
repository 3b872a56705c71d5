"""Recognised words in place of transcripts: features, training, packing, and prediction of sound and film alone."""

from contextlib import redirect_stdout
from io import StringIO

import av
import documents
import emoflow
import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from conftest import ROOT
from emoflow.artifacts.features import RECOGNISED, Exclusions, Recognition
from emoflow.artifacts.model import ModelCard
from emoflow.cli.registry import _answer
from emoflow.encoders import ModelFiles, open_all
from emoflow.files import file_digest
from emoflow.registry import loadback
from emoflow.registry.inference import Predictor
from emoflow.registry.package import pack
from emoflow.registry.stopwatch import Stopwatch, time_stages
from emoflow.schema import UTTERANCE_COLUMNS
from emoflow.stages import features, train
from in_process import no_processes
from rich.console import Console
from tiny_models import RATE, save_recogniser, voice

CLASSES = ["anger", "neutral", "sadness"]
NAME = "tiny-whisper"
ASR = f"{NAME}.asr"
SILENT = "mine/0-anger"

pytestmark = pytest.mark.slow


def lay_out(root) -> None:
    """Six speakers with a clip of each class, of which one is silent, and half of which have a transcript."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params |= {"corpora": ["mine"], "modalities": ["audio", "text"]}
    params["features"]["audio"]["encoders"] = [{"hf": NAME, "pooling": "mean"}]
    params["features"]["text"] = {"encoders": ["hashing"], "dimensions": 64, "from": "asr", "model": NAME}
    params["search"] |= {"strategies": ["late-average"], "configurations": 1, "epochs": 2, "halvings": 0}
    params["train"]["seeds"] = [0]
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    (root / "data/raw/mine").mkdir(parents=True)
    rows = []
    for speaker in range(6):
        for number, label in enumerate(CLASSES):
            name = f"{speaker}-{label}"
            sound = voice(0.3 + 0.2 * number + 0.05 * speaker, seed=3 * speaker + number)
            path = root / f"data/raw/mine/{name}.wav"
            soundfile.write(path, 0 * sound if f"mine/{name}" == SILENT else sound, RATE, subtype="PCM_16")
            rows.append(
                {
                    "utterance_id": f"mine/{name}",
                    "corpus": "mine",
                    "speaker": f"mine/{speaker}",
                    "label": label,
                    "audio": path.name,
                    "audio_digest": file_digest(path),
                    "text": "Hello!" if speaker % 2 else None,
                    "text_digest": "0" * 64 if speaker % 2 else None,
                    "language": "en",
                }
            )
    table = pd.DataFrame(rows).reindex(columns=list(UTTERANCE_COLUMNS))
    nothing = {"utterance_id": "mine/1-anger", "modality": "text", "reason": "no words in the transcript"}
    documents.validated(root, table, excluded=[nothing])
    documents.three_folds(root, table)
    documents.protocol(classes=CLASSES).write(root)
    config = {"width": 8, "layers": 1, "learning_rate": 0.01, "dropout": 0.1}
    choices = {fold: documents.chosen(config=config, epochs=2) for fold in range(3)}
    documents.best({"late-average": choices}, modalities=["audio", "text"]).write(root)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The finished experiment; and what the stage ``features`` printed, the first time and the second."""
    root = tmp_path_factory.mktemp("experiment")
    save_recogniser(root / ".emoflow/encoders" / NAME)
    lay_out(root)
    with pytest.MonkeyPatch.context() as patch, no_processes():
        patch.chdir(root)
        patch.setenv("EMOFLOW_DEVICE", "cpu")
        patch.setenv("EMOFLOW_WORKERS", "1")
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            patch.setenv(name, "1")  # the stage sets them
        patch.setattr("sys.argv", ["features", "mine"])
        for number in range(2):
            with (root / f"said{number}.txt").open("w") as said, redirect_stdout(said):
                features.main()
        train.main()
    return root


@pytest.fixture(scope="module")
def package(root, tmp_path_factory):
    models = ModelFiles(pretrained=root / ".emoflow/encoders")
    return pack(root / "data/model", tmp_path_factory.mktemp("packed"), models=models)


@pytest.fixture(scope="module")
def predictor(package):
    return Predictor(package.model)


def ask(predictor, **row):
    return predictor.table(
        pd.DataFrame({name: pd.Series([x], dtype=object) for name, x in row.items()})
    ).iloc[0]


def test_all_speech_is_recognised_whatever_the_transcripts_are(root):
    table = RECOGNISED.read(root, corpus="mine").set_index("utterance_id")
    assert len(table) == 18 and set(table["model"]) == {NAME}
    assert table["text"].isna().sum() == 1 and table["text"].isna()[SILENT]
    assert table["text"].dropna().str.match(r"word\d+( word\d+)*$").all() and table["text"].nunique() > 1
    store = open_all(root / "data/features", ["mine"])
    store.check(pd.read_parquet(root / "data/utterances/mine.parquet"))
    assert store.ids("text") == sorted(set(table.index) - {SILENT})
    excluded = [each for each in Exclusions.read(root, corpus="mine").exclusions if each.modality == "text"]
    assert [each.utterance_id for each in excluded] == [SILENT] and excluded[0].reason.startswith("silent")


def test_it_is_cached_and_compared_with_the_transcripts(root):
    first, second = ((root / f"said{number}.txt").read_text() for number in range(2))
    assert f"text/{ASR}: words recognised in 17 of 18 recordings, 0 of 18 from the cache" in first
    assert f"text/{ASR}: words recognised in 17 of 18 recordings, 18 of 18 from the cache" in second
    found = Recognition.read(root, corpus="mine")
    assert (found.model, found.recordings, found.recognised) == (NAME, 18, 17)
    errors = found.word_error_rate
    assert (errors.utterances, errors.words) == (9, 9) and errors.rate > 1  # one word against several
    assert f"word error rate {100 * errors.rate:.1f} % on 9 utterances with a transcript (9 words" in first


def test_the_model_states_its_recogniser_like_an_encoder(root):
    text = ModelCard.read(root).modalities["text"]
    assert text.recogniser == {"hf": NAME, "language": None} and text.parameters == {"dimensions": 64}
    weights = file_digest(root / ".emoflow/encoders" / NAME / "model.safetensors")
    assert {name: each.sha256 for name, each in text.models.items()} == {ASR: weights}


def test_the_recogniser_is_packed_once_with_the_encoder_of_the_same_model(package):
    held = {path.relative_to(package.model).as_posix() for path in package.model.rglob("*")}
    assert {name for name in held if name.endswith(".safetensors")} == {
        "weights.safetensors",
        f"encoders/{NAME}/model.safetensors",
    }
    assert f"encoders/{NAME}/generation_config.json" in held
    required = {line.partition("==")[0] for line in package.requirements}
    assert {"transformers", "torch"} <= required
    assert not required & {"torchmetrics", "opensmile", "mediapipe"}


def test_sound_alone_gives_the_words_and_features_of_training(root, predictor):
    clip = root / "data/raw/mine/1-neutral.wav"
    words = RECOGNISED.read(root, corpus="mine").set_index("utterance_id")["text"]["mine/1-neutral"]
    store = open_all(root / "data/features", ["mine"])
    (stored,), _ = store.tokens("text", ["mine/1-neutral"])
    for source in (str(clip), clip.read_bytes()):
        answer = ask(predictor, audio=source)
        assert answer["recognised_text"] == words and answer["modalities_used"] == "audio+text"
        assert answer["unused"] == ""
    tokens = predictor._row({"text": words}).tokens
    np.testing.assert_allclose(tokens["text"], stored, atol=1e-6)


def test_recognising_is_a_stage_of_its_own(root, package):
    predictor, watch = Predictor(package.model), Stopwatch()
    time_stages(predictor, watch)
    ask(predictor, audio=str(root / "data/raw/mine/1-neutral.wav"))
    assert list(watch.seconds)[:2] == ["decode audio", "recognise text"]
    assert watch.seconds["recognise text"] > 0
    watch.reset()
    ask(predictor, text="it is")
    assert "recognise text" not in watch.seconds


def test_a_text_that_is_given_is_taken_as_it_is(root, predictor):
    answer = ask(predictor, audio=str(root / "data/raw/mine/1-neutral.wav"), text="it is")
    assert answer["recognised_text"] is None and answer["modalities_used"] == "audio+text"
    assert ask(predictor, text="it is")["modalities_used"] == "text"


def test_a_film_alone_is_recognised_by_its_sound(root, predictor, tmp_path):
    samples, _ = soundfile.read(root / "data/raw/mine/2-sadness.wav", dtype="int16")
    with av.open(str(tmp_path / "film.mkv"), "w") as film:
        pictures = film.add_stream("libx264", rate=5)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        sound = film.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for _ in range(4):
            film.mux(pictures.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")))
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.rate, frame.pts = RATE, 0
        film.mux([*sound.encode(frame), *sound.encode(), *pictures.encode()])
    answer = ask(predictor, video=str(tmp_path / "film.mkv"))
    assert answer["modalities_used"] == "audio+text" and answer["recognised_text"].startswith("word")
    assert answer["unused"] == ""


def test_the_command_shows_what_was_recognised(root, predictor):
    answer = ask(predictor, audio=str(root / "data/raw/mine/1-neutral.wav"))
    row = answer.to_dict() | {
        "file": "1-neutral.wav",
        "model": "models:/emotion-mine/1",
        "trained_on": "mine",
    }
    console = Console(file=StringIO(), width=200)
    console.print(_answer(row))
    assert f"recognised: {answer['recognised_text']}\n" in console.file.getvalue()
    console.print(_answer(row | {"recognised_text": None}))
    assert console.file.getvalue().count("recognised:") == 1


def test_a_program_has_words_recognised_too(root, tmp_path):
    table = pd.read_parquet(root / "data/utterances/mine.parquet")
    store = emoflow.extract_features(
        table,
        root / "data/raw/mine",
        tmp_path / "features",
        encoders={"text": ["hashing"]},
        cache=root / ".emoflow/cache",
        models=root / ".emoflow/encoders",
        recogniser=NAME,
    )
    assert store.ids("text") == sorted(set(table["utterance_id"]) - {SILENT}) and list(
        store.models("text")
    ) == [ASR]


def test_where_nobody_speaks_the_text_is_missing_with_its_reason(root, predictor):
    answer = ask(predictor, audio=str(root / f"data/raw/{SILENT}.wav"))
    assert answer["label"] is None and answer["recognised_text"] is None
    assert answer["reason"].count("silent") == 2  # to the encoder and to the recogniser


def test_loading_back_gives_the_recordings_without_words(root, predictor):
    recordings = loadback._recordings(root, predictor)
    assert recordings and all(media["text"] is None for media, _ in recordings)
    for media, tokens in recordings:
        answer = ask(predictor, **media)
        found = answer[[f"p_{name}" for name in CLASSES]].to_numpy(float)
        np.testing.assert_allclose(found, predictor.probabilities([tokens])[0], atol=1e-5)
