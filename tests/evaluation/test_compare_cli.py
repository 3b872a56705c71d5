"""`emoflow compare` on commits and `dvc exp` experiments of a real git and DVC repository."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from emoflow import cli
from emoflow.artifacts.folds import Folds
from emoflow.errors import EvaluationError, WorkspaceError
from emoflow.experiments import read
from fabricated_experiment import SKILL, experiment
from finished import git
from typer.testing import CliRunner

pytestmark = pytest.mark.slow

STAGES = """
stages:
  corpora: {cmd: "true", params: [corpora], outs: [data/corpora.json]}
  folds: {cmd: "true", params: [protocol], outs: [data/folds.parquet, data/folds.json]}
  train: {cmd: "true", params: [search], outs: [data/predictions.parquet, data/model]}
"""
PARAMS = "corpora: [control]\nprotocol: kfold4\nregistry: {{margin: 0.02}}\nsearch: {{epochs: {epochs}, seeds: 3}}\n"


def dvc(root: Path, *arguments: str) -> None:
    program = Path(sys.executable).parent / "dvc"
    done = subprocess.run([program, *arguments], cwd=root, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


def run(root: Path, *, skill: float, epochs: int, seed: int, **changes) -> None:
    """What a run of the pipeline leaves behind, each strategy ``skill`` better than the fabricated ones are."""
    better = {name: right + skill for name, right in SKILL.items()}
    experiment(root, skill=better, seed=seed, speakers=12, clips=2, **changes)
    (root / "data" / "corpora.json").write_text('["control"]')
    (root / "params.yaml").write_text(PARAMS.format(epochs=epochs))
    dvc(root, "commit", "--force", "--quiet")


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A workspace in a folder of a git repository.

    The commit tagged ``first`` has a weak experiment, ``dvc exp`` and the workspace a better one: ``better``.
    """
    top = tmp_path_factory.mktemp("repository")
    git(top, "init", "-q", "-b", "main")
    git(top, "config", "user.name", "test")
    git(top, "config", "user.email", "test@example.org")
    git(top, "commit", "-q", "--allow-empty", "-m", "Nothing yet")
    git(top, "tag", "empty")
    root = top / "project"
    (root / ".dvc").mkdir(parents=True)
    shutil.copy(ROOT / ".dvc" / "config", root / ".dvc")
    (root / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (root / ".gitignore").write_text("/data\n/.emoflow\n")
    (root / "dvc.yaml").write_text(STAGES)
    run(root, skill=-0.2, epochs=40, seed=1)
    git(top, "add", "-A")
    git(top, "commit", "-qm", "First")
    git(top, "tag", "first")
    run(root, skill=0.1, epochs=80, seed=2)
    dvc(root, "exp", "save", "--name", "better")
    return root


@pytest.fixture
def root(repository, monkeypatch):
    monkeypatch.chdir(repository)
    return repository


def invoke(*words: str):
    return CliRunner().invoke(cli.app, ["compare", *words])


def refusal(*words: str) -> str:
    refused = invoke(*words)
    assert isinstance(refused.exception, EvaluationError), refused.output
    return str(refused.exception)


def files(root: Path) -> dict[str, tuple[int, int]]:
    """Every file of the repository with its size and time, apart from DVC's own notes of what it has read."""
    own = {root / ".emoflow" / "dvc", root / ".dvc" / "tmp"}
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in root.parent.rglob("*")
        if path.is_file() and not own & {*path.parents}
    }


def test_a_commit_an_experiment_and_the_workspace_hold_what_was_run(root):
    first, better, here = (read(name, root=root, tracking_uri=None) for name in ("first", "better", "."))
    assert first.source == f"commit {git(root, 'rev-parse', 'first')[:10]}"
    assert better.source.startswith("dvc exp, commit ")
    table = pd.read_parquet(root / "data" / "predictions.parquet")
    columns = [f"p_{name}" for name in here.protocol.classes]
    rows = table[(table["strategy"] == "chosen") & (table["seed"] == 0)].sort_values(["fold", "utterance_id"])
    for side in (better, here):
        assert np.array_equal(side.predictions.probabilities["chosen"][0], rows[columns].to_numpy())
    assert not np.array_equal(first.predictions.predicted("chosen"), better.predictions.predicted("chosen"))
    assert first.params == {
        "corpora": '["control"]',
        "protocol": "kfold4",
        "search.epochs": "40",
        "search.seeds": "3",
    }


def test_the_command_prints_and_draws_and_writes_nothing_else(root, tmp_path):
    before, status = files(root), git(root, "status", "--porcelain")
    shown = invoke(
        "first", "better", "--figure", str(tmp_path / "it.png"), "--json", str(tmp_path / "it.json")
    )
    assert shown.exit_code == 0, shown.exception
    assert "B is better by" in shown.output and "that is more than chance" in " ".join(shown.output.split())
    assert re.search(r"search.epochs +40 +80\b", shown.output) and "registry" not in shown.output
    found = json.loads((tmp_path / "it.json").read_text())
    assert found["params"] == {"search.epochs": ["40", "80"]}
    assert (tmp_path / "it.png").read_bytes().startswith(b"\x89PNG")
    printed = invoke("first", "--json", "-")
    assert json.loads(printed.stdout)["pairs"] == found["pairs"]  # the workspace is the experiment
    backwards = json.loads(invoke("better", "first", "--json", "-").stdout)["pairs"][0]
    assert backwards["figures"]["ua"]["difference"]["mean"] == pytest.approx(
        -found["pairs"][0]["figures"]["ua"]["difference"]["mean"]
    )
    assert backwards["answer"].startswith("A is better by")
    named = json.loads(invoke("first", "better", "--strategy", "audio", "--json", "-").stdout)["pairs"]
    assert [(pair["kind"], pair["a"], pair["b"]) for pair in named] == [("named", "audio", "audio")]
    assert files(root) == before and git(root, "status", "--porcelain") == status


def test_what_is_not_there_is_said(root, tmp_path):
    assert "'nobody' names no experiment here: name a branch, a tag" in refusal("nobody")
    assert "no model is published yet" in refusal("emotion-emotion7@champion")
    assert "no model is published yet" in refusal("0" * 32)
    assert "names no experiment" in refusal("--", "--all")
    assert "has no dvc.lock: no experiment was run and committed there" in refusal("empty")
    assert "the picture is a PNG file" in refusal("first", "--figure", str(tmp_path / "it.svg"))
    assert "no predictions of the strategy nothing" in refusal("first", "--strategy", "nothing")


def test_the_name_of_two_experiments_is_refused(root):
    other = "refs/exps/00/" + "0" * 38 + "/better"
    git(root, "update-ref", other, "first")
    try:
        assert "'better' names several experiments" in refusal("better")
        assert invoke("better~0").exit_code  # it is no branch
        assert invoke(git(root, "rev-parse", other)).exit_code == 0
    finally:
        git(root, "update-ref", "-d", other)


def test_a_workspace_that_is_not_as_it_ran_is_refused(root):
    folder = root / "data" / "folds.json"
    before = folder.read_bytes()
    said = Folds.read(root)
    try:
        said.model_copy(update={"protocol": "emotion7.loso"}).write(root)
        assert "data/folds.json is not what the last run wrote" in refusal("first")
        folder.unlink()
        assert "data/folds.json is missing" in refusal("first")
        folder.write_bytes(before)
        (root / "dvc.lock").rename(root / "away")
        assert "this workspace has no dvc.lock" in refusal("first")
        (root / "dvc.lock").write_text("schema: '2.0'\n")
        assert "records no stages" in refusal("first")
    finally:
        folder.write_bytes(before)
        if (root / "away").exists():
            (root / "away").rename(root / "dvc.lock")
    assert invoke("first").exit_code == 0


def test_outputs_that_are_not_cached_are_named_with_the_commands_that_bring_them(root, tmp_path):
    cache, config = root / ".dvc" / "cache", root / ".dvc" / "config.local"
    shutil.copytree(cache / "files", tmp_path / "remote" / "files")
    cache.rename(tmp_path / "away")
    try:
        said = refusal("better")
        assert "data/folds.parquet of better (dvc exp, commit" in said
        assert "`dvc exp apply better`, then `dvc fetch folds train`" in said
        assert "`git checkout first`, then `dvc fetch folds train`" in refusal("first")
        config.write_text(f"[core]\n    remote = far\n['remote \"far\"']\n    url = {tmp_path / 'remote'}\n")
        dvc(root, "fetch", "folds", "train")  # of the workspace, which is as `dvc exp apply better` leaves it
        assert invoke("better").exit_code == 0
    finally:
        config.unlink(missing_ok=True)
        shutil.rmtree(cache, ignore_errors=True)
        (tmp_path / "away").replace(cache)


def test_a_cache_elsewhere_is_read_and_a_link_to_the_pipeline_is_no_other_pipeline(root, tmp_path):
    elsewhere, config = tmp_path / "cache", root / ".dvc" / "config.local"
    (root / "template").mkdir()
    (root / "template" / "dvc.yaml").symlink_to("../dvc.yaml")  # as in a clone of emoflow
    git(root, "add", "template")
    git(root, "commit", "-qm", "A link", "--", "template")
    (root / ".dvc" / "cache").rename(elsewhere)
    try:
        config.write_text(f"[cache]\n    dir = {elsewhere}\n")
        assert invoke("HEAD", "better").exit_code == 0
    finally:
        config.unlink()
        elsewhere.rename(root / ".dvc" / "cache")
        git(root, "reset", "-q", "--soft", "HEAD~1")
        git(root, "rm", "-qrf", "--cached", "template")
        shutil.rmtree(root / "template")


def test_in_a_folder_that_is_no_workspace_it_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = invoke("main")
    assert isinstance(refused.exception, WorkspaceError) and refused.exception.status == 2
