"""The stage ``search`` on a cluster of two real Ray nodes, which lose processes and one another."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT
from emoflow.files import tree_digest
from planted_experiment import STRATEGIES, lay_out
from ray_nodes import Nodes

pytestmark = [pytest.mark.integration, pytest.mark.slow]

COHORTS = len(STRATEGIES) * 3
PATIENCE_S = 300


def start(root: Path, environment: dict[str, str]) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "emoflow.stages.search"], cwd=root, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "EMOFLOW_WORKERS": "2", "EMOFLOW_DEVICE": "cpu"} | environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def finish(process: subprocess.Popen) -> str:
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    return said


def kept(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in root.glob(".emoflow/work/search-*/*.json")}


def wait(process: subprocess.Popen, until: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not until():
        assert process.poll() is None, f"over before it came so far:\n{process.communicate()[0]}"
        assert time.monotonic() < end, "it does not come so far"
        time.sleep(0.02)


def test_what_dies_loses_its_running_cohort_alone(tmp_path):
    whole, disturbed = tmp_path / "whole", tmp_path / "disturbed"
    for root in (whole, disturbed):
        root.mkdir()
        lay_out(root)
    finish(start(whole, {}))

    with Nodes(2) as nodes:
        environment = nodes.environment | {"RAY_ADDRESS": nodes.address}
        process = start(disturbed, environment)

        # both nodes train; then one of them goes, with the cohort that runs on it
        wait(process, lambda: nodes.trials(0) and nodes.trials(1))
        wait(process, lambda: len(kept(disturbed)) >= 2)
        before = kept(disturbed)
        nodes.kill()
        wait(process, lambda: len(kept(disturbed)) >= len(before) + 2)
        assert {path: kept(disturbed)[path] for path in before} == before

        # the driver goes
        process.send_signal(signal.SIGKILL)
        process.communicate()
        before = kept(disturbed)
        assert 0 < len(before) < COHORTS and not (disturbed / "data/search").exists()

        # begun again with a new node, a worker process goes
        nodes.add()
        process = start(disturbed, environment)
        wait(process, lambda: bool(nodes.trials(0) and nodes.trials(1)))
        nodes.trials(1)[0].kill()
        said = finish(process)

    assert f"{len(before)} of {COHORTS} populations were finished before" in said
    assert {path: kept(disturbed)[path] for path in before} == before
    assert tree_digest([disturbed / "data/search"]) == tree_digest([whole / "data/search"])
    assert not list(disturbed.glob(".emoflow/folds/*")), "the folds' rows stay on disk"


def test_a_cluster_that_asks_for_another_token(tmp_path):
    lay_out(tmp_path)
    with Nodes(1) as nodes:
        other = {"RAY_ADDRESS": nodes.address, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 32}
        said, _ = start(tmp_path, other).communicate(timeout=PATIENCE_S)
    assert "RAY_AUTH_TOKEN must be what the cluster was started with" in " ".join(said.split())
