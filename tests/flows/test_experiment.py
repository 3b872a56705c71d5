"""The flow itself, on Prefect's test server: how far it goes, what it says, what a refusal means."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import documents
import pytest
from conftest import ROOT
from emoflow import params
from emoflow.errors import PipelineError, PromotionConflict
from emoflow.flows import experiment as flow_module
from emoflow.flows import links
from emoflow.flows.pretraining import pretraining
from emoflow.registry import gates, promotion, publish
from emoflow.registry.gates import Gate, Report
from emoflow.registry.promotion import Promoted
from emoflow.registry.publish import Published

pytestmark = pytest.mark.slow  # one workspace, one test after another

DVC_YAML = """
stages:
  only:
    cmd: python -c "import os; print('mark', os.environ['EMOFLOW_FLOW_RUN']); open('only.txt', 'w').write('1')"
    params: [mood]
    outs: [only.txt]
"""
PRETRAINING = """
stages:
  inputs:
    wdir: ..
    matrix: {corpus: [control]}
    cmd: python -c "open('${item.corpus}.txt', 'w').write('1')"
    outs: [{"${item.corpus}.txt": {cache: false}}]
  data2vec:
    wdir: ..
    cmd: python -c "import os; print('mark', os.environ['EMOFLOW_FLOW_RUN']); open('model.txt', 'w').write('1')"
    deps: [control.txt]
    outs: [{model.txt: {cache: false}}]
"""
INTERVAL = {"mean": 0.712, "low": 0.68, "high": 0.741}
METRICS = documents.metrics(
    protocol="emotion7.kfold4",
    strategies={"audio": documents.figures(wa=INTERVAL, ua=INTERVAL, wf1=INTERVAL)},
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from prefect.settings import PREFECT_HOME, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    home = tmp_path_factory.mktemp("prefect")
    with temporary_settings({PREFECT_HOME: home}), prefect_test_harness(server_startup_timeout=180):
        yield


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("flow")
    (root / "dvc.yaml").write_text(DVC_YAML)
    (root / "params.yaml").write_text("mood: good\n")
    (root / "pretrain").mkdir()
    (root / "pretrain" / "dvc.yaml").write_text(PRETRAINING)
    (root / "pretrain" / "params.yaml").write_text((ROOT / "pretrain" / "params.yaml").read_text())
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=root, check=True)
    METRICS.write(root)
    return root


@pytest.fixture
def registry(monkeypatch):
    """A registry that says what the test lets it say, and remembers what it was asked."""
    registry = SimpleNamespace(
        published=Published("run", "emotion-emotion7", 3, False, True),
        champion=2,
        gates=[
            Gate("data", True, "the contract holds", "it holds"),
            Gate("better", True, "UA 70 against 60", "more"),
        ],
        promoted=[],
    )

    class Store:
        def __init__(self, uri, *, root):
            assert root == Path()

        def holder(self, name):
            return registry.champion

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    def judge(name, version, **where):
        return Report(name, version, registry.champion, registry.gates, {})

    def promote(name, version, *, report, reason, **where):
        registry.promoted.append((name, version, report.ok, reason))
        return Promoted(name, version, registry.champion, True, report)

    stated = params.load(Path(__file__).parents[2] / "params.yaml")
    monkeypatch.setattr(params, "load", lambda: stated)
    monkeypatch.setattr("emoflow.lineage.Store", Store)
    monkeypatch.setattr(publish, "publish", lambda **where: registry.published)
    monkeypatch.setattr(gates, "judge", judge)
    monkeypatch.setattr(promotion, "promote", promote)
    return registry


@pytest.fixture
def run(server, workspace, monkeypatch):
    """A function: how far to go, and the tasks that makes → the run's final state, theirs by name, its artifact."""
    monkeypatch.chdir(workspace)

    def run(until: str, *tasks: str):
        state = flow_module.experiment(until, return_state=True)
        return state, *seen(state.state_details.flow_run_id, tasks)

    return run


def seen(flow_run_id, expected):
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import (
        ArtifactFilter,
        ArtifactFilterFlowRunId,
        ArtifactFilterKey,
        FlowRunFilter,
        FlowRunFilterId,
    )

    until = time.monotonic() + 180
    with get_client(sync_client=True) as client:
        while True:  # the server hears of tasks by events, a little after the fact
            runs = client.read_task_runs(
                flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
            )
            over = {each.name for each in runs if each.state is not None and each.state.is_final()}
            if (set(expected) <= over and len(over) == len(runs)) or time.monotonic() > until:
                break
            time.sleep(0.2)
        artifacts = client.read_artifacts(
            artifact_filter=ArtifactFilter(
                flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]),
                key=ArtifactFilterKey(any_=["experiment"]),
            )
        )
    tasks = {each.name: each.state for each in sorted(runs, key=lambda each: each.start_time)}
    assert list(tasks) == list(expected)
    return tasks, [each.data for each in artifacts]


def test_it_goes_all_the_way_to_a_champion(run, registry, workspace):
    state, tasks, [artifact] = run("promote", "only", "publish", "gates", "promote")
    assert state.type.value == "COMPLETED"
    assert {each.name for each in tasks.values()} == {"Completed"}
    [(name, version, ok, reason)] = registry.promoted
    assert (name, version, ok) == ("emotion-emotion7", 3, True)
    assert reason.startswith("flow run control · kfold4 (")
    assert "1 of 1 stages ran" in state.message
    assert "models:/emotion-emotion7@champion is version 3 now" in state.message
    assert "| **audio** (best by validation) | 71.2 (68.0–74.1) |" in artifact
    assert "- models:/emotion-emotion7/3 is published" in artifact
    assert "- MLflow: run `run`; `emoflow ui` starts a server that shows it" in artifact
    assert "| only | ran |" in artifact


def test_a_refused_model_stays_challenger_and_the_run_completes(run, registry):
    registry.gates = [registry.gates[0], Gate("better", False, "UA 60 against 70", "more", "improve it")]
    state, tasks, [artifact] = run("promote", "only", "publish", "gates")
    assert state.type.value == "COMPLETED"
    assert tasks["gates"].name == "Refused"
    assert "better: UA 60 against 70" in tasks["gates"].message
    assert not registry.promoted
    assert "stays a challenger" in state.message and "stays a challenger" in artifact


def test_a_champion_is_not_judged_again(run, registry):
    registry.published = Published("run", "emotion-emotion7", 2, True, True)
    registry.gates = None  # asking would fail
    _, tasks, _ = run("promote", "only", "publish", "gates")
    assert {each.name for each in tasks.values()} == {"Unchanged"}


def test_published_only(run, registry):
    run("publish", "only", "publish")


def test_stages_only(run, registry, monkeypatch):
    monkeypatch.setattr(publish, "publish", None)
    state, _, [artifact] = run("stages", "only")
    assert "## Model" not in artifact
    assert state.message == "0 of 1 stages ran"


def test_a_champion_that_changed_meanwhile_fails_the_run(run, registry, monkeypatch):
    def promote(*_, **__):
        raise PromotionConflict("the champion is 5, not 2")

    monkeypatch.setattr(promotion, "promote", promote)
    state, tasks, artifacts = run("promote", "only", "publish", "gates", "promote")
    assert state.type.value == "FAILED" and "the champion is 5, not 2" in state.message
    assert tasks["promote"].type.value == "FAILED"
    assert not artifacts


def test_pretraining_has_a_task_a_corpus_and_one_for_the_objective(server, workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    state = pretraining("data2vec", return_state=True)
    assert state.message == "2 of 2 stages ran"
    tasks, _ = seen(state.state_details.flow_run_id, ["inputs@control", "data2vec"])
    assert {name: each.name for name, each in tasks.items()} == {
        "inputs@control": "Completed", "data2vec": "Completed",
    }  # fmt: skip
    assert (workspace / "model.txt").is_file()
    again = pretraining("data2vec", return_state=True)
    assert again.message == "0 of 2 stages ran"


def test_outside_a_project_dvc_says_so(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PipelineError, match="not inside of a DVC repository"):
        flow_module.experiment("stages")


def test_a_run_is_named_by_corpora_and_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert flow_module.run_name() == tmp_path.name
    text = (ROOT / "params.yaml").read_text()
    Path("params.yaml").write_text(text)
    assert flow_module.run_name() == "control · kfold4"
    text = text.replace("corpora: [control]", "corpora: [ravdess, crema-d]")
    Path("params.yaml").write_text(text.replace("protocol: auto", "protocol: kfold5"))
    assert flow_module.run_name() == "ravdess + crema-d · kfold5"
    assert flow_module.experiment.flow_run_name is flow_module.run_name


def test_the_report_is_linked_where_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert links.found(None) == []
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "index.html").write_text("<html>")
    [line] = links.found(None)
    assert f"]({(tmp_path / 'reports' / 'index.html').as_uri()})" in line


def test_a_run_marks_what_it_starts_and_the_hook_ends_it():
    run_id = "00000000-0000-0000-0000-00000000000a"
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], env={**os.environ, flow_module.MARK: run_id}
    )
    # by keyword, as the worker calls it
    flow_module.end_leftovers(flow=None, flow_run=SimpleNamespace(id="another"), state=None)
    assert child.poll() is None
    flow_module.end_leftovers(flow=None, flow_run=SimpleNamespace(id=run_id), state=None)
    assert child.wait(5) is not None
