"""The stage ``search`` on a cluster of two real Ray nodes, which lose processes and one another."""

import signal
import subprocess
import time
from collections.abc import Callable

import pytest
from emoflow.files import tree_digest
from planted_experiment import STRATEGIES, finish, finished_populations, lay_out, start
from ray_nodes import Nodes

pytestmark = [pytest.mark.integration, pytest.mark.slow]

COHORTS = len(STRATEGIES) * 3
PATIENCE_S = 300


def wait(process: subprocess.Popen, until: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not until():
        assert process.poll() is None, f"over before it came so far:\n{process.communicate()[0]}"
        assert time.monotonic() < end, "it does not come so far"
        time.sleep(0.02)


def test_what_dies_loses_its_running_cohort_alone(searched, tmp_path):
    lay_out(tmp_path)
    with Nodes(2) as nodes:
        environment = nodes.environment | {"RAY_ADDRESS": nodes.address}
        process = start(tmp_path, **environment)

        # both nodes train; then one of them goes, with the cohort that runs on it
        wait(process, lambda: nodes.trials(0) and nodes.trials(1))
        wait(process, lambda: len(finished_populations(tmp_path)) >= 2)
        before = finished_populations(tmp_path)
        nodes.kill()
        wait(process, lambda: len(finished_populations(tmp_path)) >= len(before) + 2)
        assert {path: finished_populations(tmp_path)[path] for path in before} == before

        # the driver goes
        process.send_signal(signal.SIGKILL)
        process.communicate()
        before = finished_populations(tmp_path)
        assert 0 < len(before) < COHORTS and not (tmp_path / "data/search").exists()

        # begun again with a new node, a worker process goes
        nodes.add()
        process = start(tmp_path, **environment)
        wait(process, lambda: bool(nodes.trials(0) and nodes.trials(1)))
        nodes.trials(1)[0].kill()
        said = finish(process)

    assert f"{len(before)} of {COHORTS} populations were finished before" in said
    assert {path: finished_populations(tmp_path)[path] for path in before} == before
    assert tree_digest([tmp_path / "data/search"]) == tree_digest([searched / "data/search"])
    assert not list(tmp_path.glob(".emoflow/folds/*")), "the folds' rows stay on disk"


def test_a_cluster_that_asks_for_another_token(tmp_path):
    lay_out(tmp_path)
    with Nodes(1) as nodes:
        other = {"RAY_ADDRESS": nodes.address, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 32}
        said, _ = start(tmp_path, **other).communicate(timeout=PATIENCE_S)
    assert "RAY_AUTH_TOKEN must be what the cluster was started with" in " ".join(said.split())
