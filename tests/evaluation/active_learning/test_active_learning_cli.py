"""`emoflow active-learning` on a small experiment whose choices are made by hand."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import documents
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from emoflow import cli
from emoflow.artifacts.folds import Folds
from emoflow.artifacts.search import Best
from emoflow.encoders.store import Row, write
from emoflow.errors import ArtifactError, EvaluationError
from planted_experiment import lay_out
from typer.testing import CliRunner

CONFIG = {"width": 16, "layers": 1, "learning_rate": 0.01, "dropout": 0.2}
SMALL = ("--first", "6", "--ask", "4", "--rounds", "2")


def best() -> Best:
    weights = {"weights": [0.6, 0.3, 0.1]}
    late = documents.chosen(
        config=CONFIG, epochs=60, fitted=weights, validation={"wa": 0.8, "ua": 0.8, "loss": 1.0}
    )
    audio = documents.chosen(config=CONFIG, epochs=60)
    return documents.best(
        {"late-weighted": dict.fromkeys(range(3), late), "audio": dict.fromkeys(range(3), audio)}
    )


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOFLOW_DEVICE", "cpu")
    monkeypatch.setenv("EMOFLOW_WORKERS", "2")
    monkeypatch.setenv("COLUMNS", "200")
    lay_out(tmp_path)
    best().write()
    return tmp_path


def invoke(*words: str):
    return CliRunner().invoke(cli.app, ["active-learning", *words])


def finished(root: Path) -> dict[str, int]:
    files = (root / ".emoflow/work").glob("active-learning-*/*.json")
    return {path.name: path.stat().st_mtime_ns for path in files}


@pytest.mark.slow
def test_curves_are_shown_kept_and_the_same_again(root):
    files = ("--json", "a.json", "--csv", "a.csv", "--figure", "a.png")
    shown = invoke(*SMALL, "--folds", "2", "--repeats", "2", *files)
    assert shown.exit_code == 0, shown.exception
    for said in (
        "late-weighted, protocol",
        "entropy − random",
        "bald − random",
        "area under the curve",
        "Asking for",
    ):
        assert said in shown.output
    found = json.loads(Path("a.json").read_text())
    assert (found["labelled"], found["folds"], found["starts"]) == ([6, 10, 14], [0, 1], 2)
    assert list(found["curves"]) == ["random", "entropy", "bald"]
    assert found["curves"]["random"]["ua"][-1]["mean"] > 0.6  # audio and face show the class
    table = pd.read_csv("a.csv")
    assert len(table) == 3 * 2 * 2 * 3 * 30
    kept = finished(root)
    assert len(kept) == 3 * 2 * 2
    gone = sorted(kept)[0]
    next((root / ".emoflow/work").glob(f"active-learning-*/{gone}")).unlink()
    again = invoke(
        *SMALL, "--folds", "2", "--repeats", "2", "--json", "b.json", "--csv", "b.csv", "--figure", "b.png"
    )
    assert "11 of 12 simulations were finished before" in again.output
    for name in ("json", "csv", "png"):
        assert Path(f"a.{name}").read_bytes() == Path(f"b.{name}").read_bytes()
    after = finished(root)
    assert {name: after[name] for name in kept if name != gone} == {
        n: t for n, t in kept.items() if n != gone
    }


@pytest.mark.slow
def test_after_ctrl_c_the_same_command_goes_on(root):
    words = [*SMALL, "--by", "entropy", "--strategy", "audio", "--json"]
    command = [sys.executable, "-m", "emoflow.cli", "active-learning", *words, "cut.json"]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, start_new_session=True)
    until = time.monotonic() + 300
    while not finished(root) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == 130
    assert 0 < len(finished(root)) < 18
    went_on = invoke(*words, "cut.json")
    assert "of 18 simulations were finished before" in went_on.output
    for path in (root / ".emoflow/work").glob("active-learning-*/*.json"):
        path.unlink()
    assert invoke(*words, "whole.json").exit_code == 0
    assert Path("cut.json").read_bytes() == Path("whole.json").read_bytes()


def refused(*words: str, error: type[Exception] = EvaluationError) -> str:
    result = invoke(*words)
    assert isinstance(result.exception, error), result.exception
    return str(result.exception)


def test_what_cannot_be_done_is_said(root):
    assert "name it NAME.png" in refused("--figure", "it.svg")
    assert "it was not searched; this experiment has audio, late-weighted" in refused("--strategy", "gated")
    assert "no acquisition function margin" in refused("--by", "margin")
    assert "have 30 labelled clips, and 6 and 5 rounds of 6 are 36: take --rounds 4" in refused()
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["train"]["seeds"] = [3]
    Path("params.yaml").write_text(yaml.safe_dump(params))
    assert "bald is the disagreement" in refused(*SMALL)
    Path("data/search/best.json").unlink()
    assert "data/search/best.json does not exist; make it: dvc repro search" in refused(error=ArtifactError)


@pytest.mark.parametrize("change", [{"shots": 8}, {"unseen": ["anger"]}])
def test_few_and_zero_shot_protocols_are_refused(root, change):
    written = Folds.read()
    written.model_copy(update=change).write()
    if "unseen" in change:
        table = pd.read_parquet("data/folds.parquet")
        table[(table["role"] == "test") | (table["label"] != "anger")].to_parquet("data/folds.parquet")
    assert "is few-shot or zero-shot" in refused(*SMALL)


def test_a_search_of_other_modalities_is_refused(root):
    best().model_copy(update={"modalities": ["audio"]}).write()
    assert "of other folds or modalities than the workspace now has" in refused(*SMALL)


def test_a_baseline_is_refused(root):
    choices = dict.fromkeys(range(3), documents.chosen())
    documents.best({"majority": choices}).write()
    assert "looks at no clip" in refused("--strategy", "majority")


def replace_audio(root: Path, encoder: str, folds: list) -> None:
    """Store zeros of an encoder as the sound's features, for every utterance in each of the folds."""
    ids = pd.read_parquet("data/folds.parquet")["utterance_id"].unique()
    rows = [Row(name, "0", np.zeros((1, 2), np.float32), fold=fold) for name in ids for fold in folds]
    shutil.rmtree("data/features/control/audio")
    about = {"modality": "audio", "params_digest": "0", "feature_names": ["a", "b"]}
    write(root / "data/features/control", rows, encoder=encoder, **about)


def test_features_by_fold_have_seen_the_labels(root):
    """Models of others made them, one for each fold, from the labels of its training speakers."""
    replace_audio(root, "theirs", [0, 1, 2])
    assert "audio of late-weighted: attached features or posteriors" in refused(*SMALL)


def test_encoders_that_are_tuned_are_refused(root):
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["features"]["audio"]["encoders"] = [{"hf": "mine", "tune": "lora"}]
    Path("params.yaml").write_text(yaml.safe_dump(params))
    replace_audio(root, "mine.mean-std", [None])
    assert "late-weighted uses an encoder with tune" in refused(*SMALL)
