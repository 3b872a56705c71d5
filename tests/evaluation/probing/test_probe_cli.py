"""`emoflow probe` on a small experiment."""

import json
from pathlib import Path

import pytest
from emoflow import cli
from emoflow.errors import EvaluationError, FeatureError, WorkspaceError
from planted_experiment import lay_out
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("laid-out")
    lay_out(root)
    return root


@pytest.fixture
def root(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("COLUMNS", "100")
    return workspace


def invoke(*words: str):
    return CliRunner().invoke(cli.app, ["probe", *words])


def files(root: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_the_command_prints_and_draws_and_writes_nothing_else(root, tmp_path):
    before = files(root)
    shown = invoke("--json", str(tmp_path / "it.json"), "--figure", str(tmp_path / "it.png"))
    assert shown.exit_code == 0, shown.exception
    for said in (
        "egemaps (8)",
        "hashing (64)",
        "appearance (6)",
        "gender is left out: the corpus does not say it",
    ):
        assert said in shown.output
    found = json.loads((tmp_path / "it.json").read_text())
    assert [(each["modality"], each["encoder"]) for each in found["blocks"]] == [
        ("audio", "egemaps"),
        ("face", "appearance"),
        ("text", "hashing"),
    ]
    audio, face, text = (each["targets"]["emotion"]["figure"]["mean"] for each in found["blocks"])
    assert audio > face > 0.5 > text  # as planted
    assert f"{100 * audio:.1f} +" in shown.output
    assert found["blocks"][1]["utterances"] == found["blocks"][0]["utterances"] - 1  # a clip without a face
    assert (tmp_path / "it.png").read_bytes().startswith(b"\x89PNG")
    again = invoke("--json", "-", "--target", "emotion")
    assert [each["name"] for each in json.loads(again.stdout)["targets"]] == ["emotion"]
    assert json.loads(again.stdout)["blocks"][0]["targets"]["emotion"]["figure"]["mean"] == audio
    assert files(root) == before


def test_what_cannot_be_done_is_said(root, tmp_path, monkeypatch):
    refused = invoke("--figure", str(tmp_path / "it.svg"))
    assert isinstance(refused.exception, EvaluationError) and "is a PNG file" in str(refused.exception)
    (root / "data/features").rename(tmp_path / "away")
    try:
        refused = invoke()
        assert isinstance(refused.exception, FeatureError)
        assert "data/features/control does not exist; make it with: dvc repro features" in str(
            refused.exception
        )
    finally:
        (tmp_path / "away").rename(root / "data/features")
    monkeypatch.chdir(tmp_path)
    refused = invoke()
    assert isinstance(refused.exception, WorkspaceError) and refused.exception.status == 2
