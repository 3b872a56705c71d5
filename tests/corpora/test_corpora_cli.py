"""`emoflow corpora list | add | fetch | describe`, as typed."""

import os
from pathlib import Path

import pytest
from conftest import ROOT
from emoflow import cli
from emoflow.errors import CorpusError
from typer.testing import CliRunner


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    (tmp_path / ".dvc").mkdir()
    text = (ROOT / "params.yaml").read_text()
    stated = "layouts: {mylab: {layout: folder, pattern: '(?P<speaker>\\w+)_(?P<label>\\w+)\\.wav'}}"
    (tmp_path / "params.yaml").write_text(text.replace("layouts: {}", stated))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("emoflow.corpora.acquire.raw_data.run_group", lambda *args, **kwargs: 0)
    return tmp_path


def typed(*words: str):
    return CliRunner().invoke(cli.app, ["corpora", *words])


def test_two_commands_and_no_code(project):
    shelf = project / "shelf"
    shelf.mkdir()
    for speaker in ("anna", "ben"):
        for word in ("wütend", "surullinen"):
            (shelf / f"{speaker}_{word}.wav").write_bytes(os.urandom(100))
    done = typed("add", "mylab", "shelf")
    assert done.exit_code == 0, done.output
    assert "4 utterances of 2 speakers" in done.output  # as params.yaml states it
    assert "dvc exp run -S 'corpora=[mylab]'" in done.output
    said = typed("list").output
    assert "mylab" in said and "in data/raw/mylab" in said
    there = sorted(project.rglob("*"))
    described = typed("describe", "mylab")
    assert described.exit_code == 0 and "anger" in described.output and "sadness" in described.output
    assert sorted(project.rglob("*")) == there
    assert typed("describe", "mylab", "--figure", "figures/mylab.png").exit_code == 0
    assert (project / "figures" / "mylab.png").is_file()


def test_what_is_given_on_request_alone_is_explained_and_the_status_says_it_is_not_here(project):
    asked = typed("fetch", "iemocap")
    assert asked.exit_code == 1 and "sail.usc.edu/iemocap" in asked.output
    assert "emoflow corpora add iemocap IEMOCAP_full_release" in asked.output
    (project / "data" / "raw" / "iemocap").mkdir(parents=True)
    assert typed("fetch", "iemocap").exit_code == 0


def test_a_mistyped_part_and_an_unknown_corpus(project):
    with pytest.raises(CorpusError, match="has no part vidoe"):
        raise typed("fetch", "ravdess", "--part", "vidoe").exception
    with pytest.raises(CorpusError, match="cannot be downloaded"):
        raise typed("fetch", "atlantis").exception
    with pytest.raises(CorpusError, match="did you mean 'ravdess'"):
        raise typed("fetch", "ravdes").exception


def test_a_mistyped_name_of_ones_own(project):
    (project / "data" / "raw" / "mylab").mkdir(parents=True)
    with pytest.raises(CorpusError, match="did you mean 'mylab'"):
        raise typed("describe", "mylb").exception


def test_features_of_one_modality_are_given_once(project):
    with pytest.raises(CorpusError, match=r"--features face=… is given twice, a\.csv and b\.csv"):
        raise typed("add", "mylab", ".", "--features", "face=a.csv", "--features", "face=b.csv").exception


def test_features_without_a_modality(project):
    with pytest.raises(CorpusError, match="give MODALITY=PATH"):
        raise typed("add", "mylab", "shelf", "--features", "face.csv").exception


def test_words_that_yaml_takes_for_something_else_are_quoted_in_hints(project):
    for name in ("no/anna/1.wav", "joy/anna/1.wav"):
        (project / "shelf" / name).parent.mkdir(parents=True)
        (project / "shelf" / name).write_bytes(os.urandom(100))
    said = " ".join(typed("add", "2024", "shelf").output.split())
    assert 'layouts: {"2024": {labels: {"no": happiness}}}' in said
    assert "dvc exp run -S 'corpora=[\"2024\"]'" in said
