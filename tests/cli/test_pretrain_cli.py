"""`emoflow pretrain`: what is refused before DVC is asked."""

import pytest
from emoflow import cli, workspace
from emoflow.errors import CorpusError, ParamsError, WorkspaceError
from typer.testing import CliRunner


@pytest.fixture
def made(tmp_path, monkeypatch):
    workspace.create(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pretrain(objective: str = "av-hubert") -> BaseException | None:
    return CliRunner().invoke(cli.app, ["pretrain", objective]).exception


def test_a_corpus_that_is_not_there_is_named(made):
    error = pretrain()
    assert isinstance(error, CorpusError) and "data/raw has no control" in str(error)


def test_a_wrong_statement_is_named_with_its_key(made):
    path = made / "pretrain" / "params.yaml"
    path.write_text(path.read_text().replace("size: tiny", "size: huge", 1))
    error = pretrain()
    assert isinstance(error, ParamsError) and "av-hubert.size is 'huge'" in str(error)


def test_a_workspace_without_the_pipeline_is_told_how_to_get_it(made):
    (made / "pretrain" / "dvc.yaml").unlink()
    error = pretrain("data2vec")
    assert isinstance(error, WorkspaceError) and "emoflow init --upgrade" in str(error)
