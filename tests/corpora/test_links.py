"""Links in a corpus: into DVC's own cache they are followed, to any other place they are refused."""

import pytest
from emoflow.corpora.media_files import leading_out

CACHED = "files/md5/ab/" + "0" * 30


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    for name in ("DVC_SYSTEM_CONFIG_DIR", "DVC_GLOBAL_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    folder = tmp_path / "workspace" / "data" / "raw" / "mylab"
    folder.mkdir(parents=True)
    (tmp_path / "workspace" / ".dvc").mkdir()
    return folder


def link(corpus, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b"RIFF")
    (corpus / "a.wav").symlink_to(target)
    return leading_out(corpus, ["a.wav"])


def test_a_link_into_the_workspaces_cache_is_dvcs(corpus, tmp_path):
    assert link(corpus, tmp_path / "workspace" / ".dvc" / "cache" / CACHED) == {}


@pytest.mark.parametrize("name", ["config", "config.local"])
def test_the_cache_is_where_dvc_is_told_to_have_it(corpus, tmp_path, name):
    shared = tmp_path / "shared cache"
    stated = f'[core]\n    analytics = false\n[cache]\n    dir = {shared}\n    type = "symlink"\n'
    (tmp_path / "workspace" / ".dvc" / name).write_text(stated)
    assert link(corpus, shared / CACHED) == {}


@pytest.mark.parametrize(
    "place",
    [
        "private/" + CACHED,
        "workspace/data/other/" + CACHED,
        "workspace/.dvc/cache/secret",
    ],
)
def test_any_other_folder_is_out_of_the_corpus_however_it_is_called(corpus, tmp_path, place):
    assert link(corpus, tmp_path / place) == {"a.wav": "a link out of the corpus"}


def test_outside_a_repository_there_is_no_cache(tmp_path):
    corpus = tmp_path / "mylab"
    corpus.mkdir()
    assert link(corpus, tmp_path / ".dvc-like" / CACHED) == {"a.wav": "a link out of the corpus"}


def test_a_link_within_the_corpus_is_followed(corpus):
    (corpus / "b.wav").write_bytes(b"RIFF")
    (corpus / "a.wav").symlink_to("b.wav")
    assert leading_out(corpus, ["a.wav"]) == {}
