"""The command line as a whole: where it may run, what it leaves behind, what its help says."""

import re
import shutil
import subprocess
import sys
from importlib.metadata import version

import pytest
import typer
from conftest import ROOT
from emoflow import cli
from emoflow.errors import WorkspaceError
from typer.testing import CliRunner

NEED_A_WORKSPACE = [
    ["corpora", "list"],
    ["corpora", "add", "mylab", "."],
    ["corpora", "fetch", "ravdess"],
    ["corpora", "describe", "control"],
    ["corpora", "synthesise"],
    ["encoders", "fetch", "minilm-l6"],
    ["encoders", "add", "."],
    ["publish"],
    ["promote"],
    ["rollback", "--reason", "why not"],
    ["models"],
    ["predict", "--text", "well"],
    ["measure", "."],
    ["explain", "clip.wav"],
    ["lineage"],
    ["lineage", "--speaker", "control/01"],
    ["withdraw", "control/01", "--reason", "a letter"],
    ["results"],
    ["compare", "main"],
]
READING = [
    ["corpora", "list"],
    ["encoders", "list"],
    ["encoders", "describe", "minilm-l6"],
    ["models"],
    ["predict", "--text", "well"],
    ["measure", "."],
    ["explain", "clip.wav"],
    ["lineage"],
    ["results"],
    ["compare", "main"],
    ["doctor"],
]


@pytest.mark.parametrize("words", NEED_A_WORKSPACE, ids=" ".join)
def test_in_a_folder_that_is_no_workspace_it_says_so_and_writes_nothing(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli.app, words)
    assert isinstance(done.exception, WorkspaceError), done.output
    assert f"{tmp_path} is not a workspace: it has no params.yaml" in str(done.exception)
    assert list(tmp_path.iterdir()) == []


def test_the_status_of_a_wrong_folder_is_2(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "emoflow.cli", "results"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path} is not a workspace") and not done.stdout


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_reading_writes_nothing(words, tmp_path, monkeypatch):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(cli.app, words)
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


def test_its_version_is_the_packages():
    assert CliRunner().invoke(cli.app, ["--version"]).output == f"emoflow {version('emoflow')}\n"


def commands(group=None, path=()):
    group = group or typer.main.get_command(cli.app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


@pytest.mark.parametrize("path", [path for path, _ in commands()], ids=" ".join)
def test_each_help_has_a_summary_and_examples_of_its_own_options(path):
    command = dict(commands())[path]
    assert command.help and command.epilog
    examples = re.findall(r"`emoflow ([^`]+)`", command.epilog)
    assert examples
    known = {option for each in command.params for option in each.opts}
    for example in examples:
        assert example.split()[: len(path)] == list(path)
        assert {word for word in example.split() if word.startswith("--")} <= known
    assert all(each.help for each in command.params), [each.name for each in command.params if not each.help]
