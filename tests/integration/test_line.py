"""The whole line, from raw clips to a promoted model, in a workspace of its own, through the users' own commands."""

import json
import os
import signal
import subprocess
import time

import linked_environment
import pandas as pd
import pytest
from workspace import Workspace

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CLASSES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")

SMALL = {
    "search__strategies": ["face", "early-concatenation", "late-average"],
    "search__configurations": 3,
    "search__epochs": 12,
    "search__halvings": 1,
    "train__seeds": [0],
    "features__audio__encoders": ["egemaps"],
}


@pytest.fixture(scope="module")
def line(tmp_path_factory) -> Workspace:
    """A finished experiment on a small control corpus."""
    workspace = Workspace.make(tmp_path_factory.mktemp("line"), **SMALL)
    workspace.emoflow("corpora", "synthesise", "control", "--speakers", "8", "--clips", "2")
    workspace.run("dvc", "repro")
    return workspace


def test_repro_leaves_every_figure_with_its_protocol(line):
    metrics = json.loads((line.root / "reports/metrics.json").read_text())
    assert metrics["protocol"] == "emotion7.kfold4"
    assert metrics["best"] in metrics["strategies"]
    for name, figures in metrics["strategies"].items():
        for metric in ("wa", "ua", "wf1"):
            assert 0 <= figures[metric]["low"] <= figures[metric]["mean"] <= figures[metric]["high"] <= 1, (
                name
            )
    predictions = pd.read_parquet(line.root / "data/predictions.parquet")
    once = predictions.groupby(["strategy", "seed"]).utterance_id.agg(["size", "nunique"])
    assert (once["size"] == 112).all()
    assert (once["nunique"] == 112).all()


def test_fusion_beats_chance_and_nothing_beats_the_oracle(line):
    metrics = json.loads((line.root / "reports/metrics.json").read_text())
    assert metrics["strategies"][metrics["best"]]["wa"]["low"] > 1 / 7
    assert not metrics["alarms"]


def test_a_second_repro_changes_nothing(line):
    outputs = ["data/search", "data/predictions.parquet", "data/model", "reports/metrics.json"]
    before = [(line.root / name).stat().st_mtime_ns for name in outputs]
    said = line.run("dvc", "repro").stdout
    assert "Running stage 'corpora'" in said
    assert said.count("Running stage") == 1, said
    assert [(line.root / name).stat().st_mtime_ns for name in outputs] == before


def test_the_same_experiment_gives_the_same_bytes(line):
    digests = lambda: (line.root / "dvc.lock").read_text()  # noqa: E731
    before = digests()
    line.run("dvc", "repro", "--force", "--single-item", "search")
    line.run("dvc", "repro", "--force", "--single-item", "train")
    line.run("dvc", "repro", "--force", "--single-item", "evaluate")
    assert digests() == before


@pytest.fixture(scope="module")
def promoted(line) -> Workspace:
    """The experiment, published and promoted."""
    assert "is published" in line.emoflow("publish").stdout
    assert "version 1 now" in line.emoflow("promote").stdout
    return line


def test_publish_promote_and_pull(promoted):
    line = promoted
    assert "was published before" in line.emoflow("publish").stdout
    assert "already" in line.emoflow("promote").stdout
    assert "champion" in line.emoflow("models").stdout
    clip = sorted((line.root / "data/raw/control/video").glob("*.mp4"))[0]
    (predicted,) = json.loads(line.emoflow("predict", str(clip), "--json", "-").stdout)
    assert predicted["label"] in CLASSES
    assert predicted["modalities_used"] == "audio+face"
    tree = line.emoflow("lineage", "emotion-emotion7@champion").stdout
    assert "heard 112 utterances of 8 speakers" in tree
    assert "data/raw/control" in tree
    heard = line.emoflow("lineage", "--speaker", "control/s01").stdout
    assert "emotion-emotion7/1" in heard


CLEAN = """
import importlib.util, json, sys
import mlflow, pandas as pd

assert not [name for name in ("emoflow", "components", "ray", "dvc", "prefect") if importlib.util.find_spec(name)]
model = mlflow.pyfunc.load_model("models:/emotion-emotion7@champion")
wav, mp4 = sys.argv[1:]
rows = pd.DataFrame([{"audio": wav, "video": None, "text": None}, {"audio": None, "video": mp4, "text": "How lovely."}])
answer = model.predict(rows)
print(answer[["label", "modalities_used"]].to_json(orient="records"))
"""


@pytest.mark.corpora
def test_a_clean_environment_outside_the_clone_pulls_and_predicts(promoted, ravdess_wavs, tmp_path):
    """Only what the model itself asks for is there; the recordings are RAVDESS's and the control corpus's."""
    line = promoted
    requirements = sorted(
        (line.root / "mlruns").rglob("requirements.txt"), key=lambda path: path.stat().st_mtime
    )[-1]
    python = linked_environment.make(tmp_path / "venv", requirements)
    wav = sorted((ravdess_wavs(24) / "Actor_24").glob("*.wav"))[0]
    mp4 = sorted((line.root / "data/raw/control/video").glob("*.mp4"))[0]
    environment = {"MLFLOW_TRACKING_URI": f"sqlite:///{line.root}/mlflow.db", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [python, "-c", CLEAN, wav, mp4],
        cwd=tmp_path,
        env=environment | {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "DO_NOT_TRACK": "true"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    heard, seen = json.loads(done.stdout.splitlines()[-1])
    assert heard["label"] in CLASSES
    assert heard["modalities_used"] == "audio"
    assert seen["modalities_used"] == "audio+face+text"


def test_a_killed_search_goes_on(line):
    """``kill -9`` in the middle: what the killed run finished is not done again."""
    line.change_params(search__seed=8)
    running = line.start("dvc", "repro", "search")
    finished = line.root / ".emoflow" / "work"
    before = set(finished.rglob("*.json"))

    def done() -> set:
        return {path for path in finished.rglob("*.json") if path not in before}

    deadline = time.monotonic() + 240
    while len(done()) < 3:
        assert running.poll() is None, (line.root / ".emoflow/started.log").read_text()[-3000:]
        assert time.monotonic() < deadline, "no population finished in time"
        time.sleep(0.2)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    kept = {path: path.stat().st_mtime_ns for path in done()}
    line.run("dvc", "repro", "search")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
