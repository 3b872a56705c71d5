"""Features, training, packing and prediction of raw recordings with pre-trained encoders."""

import hashlib
import json
import shutil
import subprocess
import sys

import documents
import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import yaml
from conftest import ROOT
from emoflow.artifacts.model import ModelCard
from emoflow.encoders import ModelFiles, encode, make, open_all, parallel
from emoflow.encoders.cache import Cache
from emoflow.encoders.parallel import Job, Recipe
from emoflow.errors import RegistryError
from emoflow.files import file_digest
from emoflow.process_pool import process_pool
from emoflow.registry import loadback
from emoflow.registry.inference import Predictor
from emoflow.registry.package import pack
from emoflow.schema import UTTERANCE_COLUMNS
from emoflow.stages import train
from tiny_models import DEPTH, LONGEST, RATE, SIZE, save

CLASSES = ["anger", "neutral", "sadness"]
SPEECH, TEXT, VOICE = "owner/tiny-hubert", "tiny-bert", "tiny-ge2e"
CONFIG = {"width": 8, "layers": 1, "learning_rate": 0.01, "dropout": 0.1}
AUDIO = [
    "egemaps",
    {"hf": SPEECH, "layers": 2, "pooling": "mean-std"},
    {"hf": SPEECH, "layers": {"last": 2}},
    {"hf": SPEECH, "layers": "weighted"},
    {"hf": VOICE},
]


pytestmark = pytest.mark.slow


def lay_out(root) -> None:
    """Nine speakers with a clip of each class, whose pitch is the class's, and words: the turns of a dialogue each."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params |= {"corpora": ["mine"], "modalities": ["audio", "text"]}
    params["features"]["audio"]["encoders"] = AUDIO
    params["features"]["text"]["encoders"] = [{"hf": TEXT}, {"hf": TEXT, "context": 2}]
    params["search"] |= {"strategies": ["late-average"], "configurations": 1, "epochs": 2, "halvings": 0}
    params["train"]["seeds"] = [0, 1]
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    (root / "data/raw/mine").mkdir(parents=True)
    generator = np.random.default_rng(0)
    rows = []
    for speaker in range(9):
        for number, label in enumerate(CLASSES):
            name = f"{speaker}-{label}.wav"
            time = np.arange(RATE // 2) / RATE
            sound = 0.3 * np.sin(2 * np.pi * 150 * (number + 1) * time) + generator.normal(0, 0.01, len(time))
            soundfile.write(root / "data/raw/mine" / name, sound, RATE, subtype="PCM_16")
            text = ("what a lovely day", "it is", "I hate")[number] if speaker else "I hate this " * LONGEST
            rows.append(
                {
                    "utterance_id": f"mine/{speaker}-{label}",
                    "corpus": "mine",
                    "speaker": f"mine/{speaker}",
                    "dialogue": f"mine/{speaker}",
                    "turn": number,
                    "label": label,
                    "audio": name,
                    "audio_digest": file_digest(root / "data/raw/mine" / name),
                    "text": text,
                    "text_digest": hashlib.sha256(text.encode()).hexdigest(),
                }
            )
    table = pd.DataFrame(rows).reindex(columns=list(UTTERANCE_COLUMNS))
    documents.validated(root, table)
    documents.three_folds(root, table)
    documents.protocol(classes=CLASSES).write(root)
    choices = {fold: documents.chosen(config=CONFIG, epochs=4) for fold in range(3)}
    documents.best({"late-average": choices}, modalities=["audio", "text"]).write(root)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The finished experiment; and what the stage ``features`` printed."""
    root = tmp_path_factory.mktemp("experiment")
    save("hubert", root / ".emoflow/encoders" / SPEECH)
    save("ge2e", root / ".emoflow/encoders" / VOICE)
    save("bert", root / ".emoflow/encoders" / TEXT)
    lay_out(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("EMOFLOW_DEVICE", "cpu")
        patch.setenv("EMOFLOW_WORKERS", "1")
        done = subprocess.run(
            [sys.executable, "-m", "emoflow.stages.features", "mine"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        (root / "said.txt").write_text(done.stdout)
        train.main()
    return root


@pytest.fixture
def models(root):
    return ModelFiles(pretrained=root / ".emoflow/encoders")


@pytest.fixture(scope="module")
def packed(root, tmp_path_factory):
    models = ModelFiles(pretrained=root / ".emoflow/encoders")
    return Predictor(pack(root / "data/model", tmp_path_factory.mktemp("packed"), models=models).model)


def test_every_encoder_has_its_part_of_the_store(root):
    store = open_all(root / "data/features", ["mine"])
    assert store.layout("audio") == [
        ("egemaps", 88),
        ("owner--tiny-hubert.last2.mean-std", 2 * SIZE),
        ("owner--tiny-hubert.layer2.mean-std", 2 * SIZE),
        *[("owner--tiny-hubert.weighted.mean-std", 2 * SIZE)] * (DEPTH + 1),
        ("tiny-ge2e.mean-std", 2 * SIZE),
    ]
    assert store.layout("text") == [("tiny-bert.context2.mean", SIZE), ("tiny-bert.mean", SIZE)]
    tokens, present = store.tokens("audio", store.ids("audio"))
    assert (
        tokens.shape == (27, 1, 88 + 6 * SIZE + (DEPTH + 1) * 2 * SIZE)
        and present.all()
        and np.isfinite(tokens).all()
    )
    said = (root / "said.txt").read_text()
    assert "audio/owner--tiny-hubert.layer2.mean-std: 27 encoded, 0 of 27 from the cache" in said
    assert f"text/tiny-bert.mean: 3 cut to the first {LONGEST} tokens" in said
    assert "text/tiny-bert.context2.mean: 18 read after earlier turns\n" in said


def test_the_model_keeps_how_its_encoders_were_stated(root):
    card = ModelCard.read(root)
    audio = card.modalities["audio"]
    assert audio.encoders[0] == "egemaps" and set(audio.pretrained) == set(audio.encoders[1:])
    assert audio.pretrained["owner--tiny-hubert.layer2.mean-std"] == {
        "hf": SPEECH, "revision": None, "layers": 2, "pooling": "mean-std", "tune": None,
    }  # fmt: skip
    weighted = "owner--tiny-hubert.weighted.mean-std"
    assert audio.pretrained[weighted]["layers"] == "weighted"
    assert list(audio.layer_weights) == [weighted] and not card.modalities["text"].layer_weights
    learned = audio.layer_weights[weighted]
    assert len(learned.mean) == len(learned.sd) == DEPTH + 1 and sum(learned.mean) == pytest.approx(1)
    assert max(learned.sd) > 0 and max(learned.mean) > 1 / (DEPTH + 1) + 0.001
    assert card.modalities["text"].parameters == {"dimensions": 1024}
    text = root / ".emoflow/encoders" / TEXT / "model.safetensors"
    models = card.modalities["text"].models
    names = ["tiny-bert.context2.mean", "tiny-bert.mean"]
    assert {name: each.sha256 for name, each in models.items()} == dict.fromkeys(names, file_digest(text))
    assert card.modalities["text"].context == 2 and card.modalities["audio"].context == 0


def test_a_packed_model_predicts_raw_media_by_its_own_encoders(root, models, tmp_path):
    package = pack(root / "data/model", tmp_path / "packed", models=models)
    weights = sorted(
        path.relative_to(package.model).as_posix() for path in package.model.rglob("*.safetensors")
    )
    assert weights == [
        "encoders/owner--tiny-hubert/model.safetensors",  # once, though three encoders run it
        "encoders/tiny-bert/model.safetensors",
        "encoders/tiny-ge2e/model.safetensors",
        "weights.safetensors",
    ]
    assert "encoders/tiny-bert/tokenizer.json" in {
        path.relative_to(package.model).as_posix() for path in package.model.rglob("*")
    }
    required = {line.partition("==")[0] for line in package.requirements}
    assert {"transformers", "opensmile", "torch"} <= required and not required & {"pillow", "mediapipe"}

    clip = root / "data/raw/mine/1-anger.wav"
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import importlib, json, pandas\n"
        "inference = importlib.import_module(sys.argv[2] + '.registry.inference')\n"
        "predictor = inference.Predictor(sys.argv[3])\n"
        "found = predictor.table(pandas.DataFrame({'audio': [sys.argv[4]], 'text': ['what a lovely day']}))\n"
        "row = predictor._row({'audio': sys.argv[4], 'text': 'what a lovely day'}).tokens\n"
        "print(json.dumps([found.iloc[0].to_dict(), {k: v.tolist() for k, v in row.items()}]))\n"
        "assert not [name for name in sys.modules if name == 'emoflow' or name.startswith('emoflow.')]\n"
    )
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            code,
            str(package.code.parent),
            package.name,
            str(package.model),
            str(clip),
        ],
        cwd=empty,
        env={"HF_HOME": str(empty), "PATH": "/usr/bin:/bin", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer, tokens = json.loads(done.stdout.splitlines()[-1])
    assert answer["modalities_used"] == "audio+text" and answer["unused"] == "" and answer["label"] in CLASSES
    assert sum(answer[f"p_{name}"] for name in CLASSES) == pytest.approx(1)
    store = open_all(root / "data/features", ["mine"])
    for modality, found in tokens.items():
        stored, _ = store.tokens(modality, ["mine/1-anger"])
        np.testing.assert_allclose(np.array(found), stored[0], rtol=1e-4, atol=1e-4)


@pytest.mark.corpora
def test_the_packed_code_has_the_networks_of_faces_too(root, models, tmp_path, corpora):
    package = pack(root / "data/model", tmp_path / "packed", models=models)
    save("face-expression", tmp_path / "packed-model/encoders/tiny-faces")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import importlib, json, pathlib\n"
        "encoders = importlib.import_module(sys.argv[2] + '.encoders')\n"
        "models = encoders.ModelFiles.packed_in(pathlib.Path(sys.argv[3]))\n"
        "stated = {'hf': 'tiny-faces', 'pooling': 'none'}\n"
        "made = encoders.make([stated], {'frames': 2}, modality='face', models=models)\n"
        "print(json.dumps(encoders.encode(made, sys.argv[4]).tolist()))\n"
        "assert not [name for name in sys.modules if name == 'emoflow' or name.startswith('emoflow.')]\n"
    )
    clip = corpora / "video/bbaf2n.mpg"
    folder = tmp_path / "packed-model"
    command = [
        sys.executable,
        "-I",
        "-c",
        code,
        str(package.code.parent),
        package.name,
        str(folder),
        str(clip),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    own = make([{"hf": "tiny-faces", "pooling": "none"}], {"frames": 2}, models=ModelFiles.packed_in(folder))
    found = np.array(json.loads(done.stdout.splitlines()[-1]))
    assert found.shape == (2, SIZE + 7)
    np.testing.assert_allclose(found, encode(own, clip), atol=1e-5)


def test_earlier_turns_that_are_given_are_read_as_in_training(root, packed):
    assert packed.columns == ["audio", "video", "text", "speaker", "context"]
    stored, _ = open_all(root / "data/features", ["mine"]).tokens("text", ["mine/1-sadness"])
    last = {"text": "I hate", "speaker": "Ann", "context": [["Ann", "what a lovely day"], ["Ann", "it is"]]}
    heard = packed._row(last)
    tokens, unused = heard.tokens, heard.unused
    np.testing.assert_allclose(tokens["text"], stored[0], rtol=1e-4, atol=1e-4)
    assert not unused
    alone = packed._row({"text": "I hate"}).tokens
    first = packed._row(last | {"context": []}).tokens
    assert np.array_equal(alone["text"], first["text"]) and not np.allclose(alone["text"], stored[0])


@pytest.mark.parametrize(
    "row, why",
    [
        ({"text": "I hate", "context": "it is"}, "text: wanted as context a list of"),
        ({"text": "I hate", "context": [["Ann", "it is", "so"]]}, "text: wanted as context a list of"),
        ({"text": "I hate", "context": [["Ann", None]]}, "text: wanted as context a list of"),
        ({"text": "I hate", "speaker": 3.0}, "text: wanted as context a list of"),
        ({"text": b"I hate"}, "text: a bytes was given; wanted a text"),
        ({"context": [["Ann", "it is"]]}, "context: it belongs to a text, and none was given"),
    ],
)
def test_a_context_that_cannot_be_read_is_named(row, why, packed):
    frame = pd.DataFrame({name: pd.Series([value], dtype=object) for name, value in row.items()})
    answer = packed.table(frame).iloc[0]
    assert answer["label"] is None and why in answer["reason"]


def test_loading_back_hands_the_turns_before_over(root, packed):
    recordings = loadback._recordings(root, packed)
    assert any(media["context"] for media, _ in recordings)
    for media, tokens in recordings:
        frame = pd.DataFrame({name: pd.Series([value], dtype=object) for name, value in media.items()})
        found = packed.table(frame)[[f"p_{name}" for name in CLASSES]].to_numpy()
        np.testing.assert_allclose(found, packed.probabilities([tokens]), atol=1e-5)


def test_a_packed_model_looks_nowhere_else_for_its_encoders(root, models, tmp_path):
    package = pack(root / "data/model", tmp_path / "packed", models=models)
    shutil.rmtree(package.model / "encoders/tiny-bert")
    with pytest.raises(Exception, match=r"encoders/tiny-bert has no config\.json"):
        Predictor(package.model)


def test_a_model_without_its_encoders_is_not_packed(root, tmp_path):
    with pytest.raises(
        RegistryError, match=r"cannot be packed: the encoder .* is not here.*emoflow encoders fetch"
    ):
        pack(root / "data/model", tmp_path / "packed", models=ModelFiles(pretrained=tmp_path / "nowhere"))


def test_another_model_under_the_same_name_is_not_packed(root, tmp_path):
    models = ModelFiles(pretrained=tmp_path / "encoders")
    shutil.copytree(root / ".emoflow/encoders", models.pretrained)
    shutil.rmtree(models.pretrained / TEXT)
    save("bert", models.pretrained / TEXT, seed=1)
    with pytest.raises(
        RegistryError, match=r"tiny-bert\.context2\.mean is not the model that the features were made with"
    ):
        pack(root / "data/model", tmp_path / "packed", models=models)


def test_a_worker_has_one_thread(root, models, monkeypatch, tmp_path):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    recipes = {"text": Recipe("text", ({"hf": TEXT, "pooling": "mean"},), {}, models)}
    (encoder,) = recipes["text"].encoders()
    with process_pool(1, parallel.begin, recipes, tmp_path / "cache") as pool:
        pool.submit(
            parallel.encode, Job("mine/a", "text", "what a day", "1" * 64, {encoder.name: "0" * 64})
        ).result()
        assert Cache(tmp_path / "cache").get("0" * 64).tokens.shape == (1, SIZE)
        assert pool.submit(torch.get_num_threads).result() == 1
