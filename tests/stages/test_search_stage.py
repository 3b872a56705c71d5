"""The stage ``search`` on a small experiment: the same twice, resumable, and blind to the test."""

import os
import signal
import time

import pandas as pd
import psutil
import pytest
from emoflow.files import read_json, tree_digest
from planted_experiment import STRATEGIES, finish, finished_populations, lay_out, start

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_killed_and_run_again_it_gives_the_same_table(searched, tmp_path):
    lay_out(tmp_path)
    process = start(tmp_path)
    while len(finished_populations(tmp_path)) < 3:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    group = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    before = finished_populations(tmp_path)
    if len(before) < len(STRATEGIES) * 3:
        assert not (tmp_path / "data/search").exists()
    end = time.monotonic() + 120  # Ray's own agents ask after their head node once a minute
    said = finish(start(tmp_path))
    assert f"{len(before)} of {len(STRATEGIES) * 3} populations were finished before" in said
    after = finished_populations(tmp_path)
    assert {path: after[path] for path in before} == before
    assert tree_digest([searched / "data/search"]) == tree_digest([tmp_path / "data/search"])

    best = read_json(searched / "data/search/best.json")
    assert set(best["strategies"]) == set(STRATEGIES)
    assert best["best"] not in ("text",)
    stated = {"configurations": 4, "epochs": 8, "folds": 3, "seeds": 1, "choose_by": "mean", "rungs": [4, 8]}
    drawn = {"proposals": "spread", "batches": 1, "patience": None, "evolve": False, "failed": 0}
    assert best["budget"] == stated | drawn
    trials = pd.read_parquet(searched / "data/search/trials.parquet")
    assert len(trials) == len(STRATEGIES) * 3 * 4
    assert set(trials["status"]) == {"finished", "stopped"}

    # the test rows' features and labels decide nothing: train refits and scores them
    finish(start(tmp_path, "emoflow.stages.train"))
    predictions = pd.read_parquet(tmp_path / "data/predictions.parquet")
    assert len(predictions) == (len(STRATEGIES) + 2) * 90 * 2  # each fold's choice, and the SVM
    assert not predictions.isna().any().any()

    while (left := [pid for pid in group if psutil.pid_exists(pid)]) and time.monotonic() < end:
        time.sleep(0.2)
    assert not left, "Ray outlives its driver"


def test_a_modality_that_nobody_has_fails_alone(tmp_path):
    lay_out(tmp_path, strategies=["audio", "face", "late-average"], face=False)
    finish(start(tmp_path))
    best = read_json(tmp_path / "data/search/best.json")
    assert set(best["strategies"]) == {"audio", "late-average"}
    assert "no utterance of control has the modality 'face'" in best["left_out"]["face"]
    trials = pd.read_parquet(tmp_path / "data/search/trials.parquet")
    assert set(trials.loc[trials["strategy"] == "face", "status"]) == {"left out"}


def test_one_modality_alone_is_nothing_to_fuse(tmp_path):
    lay_out(tmp_path, strategies=["text", "late-average"], modalities=("text",))
    said = finish(start(tmp_path))
    assert "left out: late-average: control has text alone, so there is nothing to fuse" in said
    assert set(read_json(tmp_path / "data/search/best.json")["strategies"]) == {"text"}
