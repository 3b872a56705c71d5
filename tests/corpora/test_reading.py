"""What lies in a corpus's folder: every file once, sorted; and the utterance table made of rows."""

import errno
import os

import pytest
from emoflow.corpora import adapter, media_files
from emoflow.corpora.acquire.copy_files import files_of
from emoflow.corpora.adapter_interface import files_below, utterance_table
from emoflow.errors import CorpusError
from emoflow.registry import predict
from emoflow.schema import LAYOUTS, UTTERANCE_COLUMNS, Layout
from emoflow.synthesis.layouts import layout_spec
from hypothesis import given
from hypothesis import strategies as st
from laid_out import lay_out, takes


@pytest.fixture
def root(tmp_path):
    return tmp_path / "corpus"


def lay(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_sorted_files_without_droppings_and_feature_tables(root):
    lay(root, "b/2.wav", "b/1.wav", "a.csv", "attached/face.csv", "deep/attached/kept.csv")
    lay(root, "b/._1.wav", ".DS_Store", "__MACOSX/b/1.wav", "Thumbs.db")
    assert files_below(root) == (["a.csv", "b/1.wav", "b/2.wav", "deep/attached/kept.csv"], 4)


def test_links(root, tmp_path):
    lay(root, "a/1.wav")
    (root / "to_file.wav").symlink_to(root / "a" / "1.wav")
    (root / "to_nothing.wav").symlink_to(root / "gone.wav")
    cached = tmp_path / ".dvc" / "cache" / "files" / "md5" / "ab" / ("c" * 30)
    cached.parent.mkdir(parents=True)
    (root / "to_cache.wav").symlink_to(cached)
    assert files_below(root) == (["a/1.wav", "to_cache.wav", "to_file.wav", "to_nothing.wav"], 0)


def test_links_that_lead_out_or_to_a_folder(root, tmp_path):
    lay(root, "a/1.wav")
    (root / "a" / "secret.wav").symlink_to(tmp_path / "secret")
    (root / "to_folder").symlink_to(root / "a")
    with pytest.raises(
        CorpusError, match=r"2 link\(s\) in it .*: a/secret\.wav, to_folder; make a plain copy"
    ):
        files_below(root)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_adapter_reads_what_a_link_leads_out_to(tmp_path, layout):
    planned = layout_spec(layout).plan(takes(2, 1, layout_spec(layout)), layout, 7, True)
    root = lay_out(planned, tmp_path / "corpus")
    path = min({**planned.documents, **planned.recordings})
    (root / path).rename(tmp_path / "outside")
    (root / path).symlink_to(tmp_path / "outside")
    with pytest.raises(CorpusError, match=path):
        adapter(layout).read(root, layout, Layout())


def test_names_that_cannot_be_written_down(root):
    lay(root, "a/ä.wav", "a/\udce4.wav")
    with pytest.raises(
        CorpusError, match=r"1 name\(s\) of files in it are not UTF-8: 'a/\\udce4\.wav'; rename"
    ):
        files_below(root)


@pytest.mark.parametrize("look", [files_below, files_of])
def test_a_folder_that_cannot_be_read_is_not_passed_over(root, monkeypatch, look):
    lay(root, "a/1.wav", "b/1.wav")
    scandir = os.scandir

    def closed(path):
        if str(path).endswith("/b"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(CorpusError, match=r"corpus/b cannot be read: Permission denied"):
        look(root)


def test_an_empty_folder(root):
    root.mkdir()
    assert files_below(root) == ([], 0)


def test_files_in_many_folders_are_all_listed(root):
    for folder in range(20):
        (root / f"{folder:02}").mkdir(parents=True)
        for number in range(250):
            (root / f"{folder:02}" / f"{number}.wav").touch()
    found, _ = files_below(root)
    assert len(found) == len(set(found)) == 5000


@given(st.permutations([f"c/{number}" for number in range(12)]))
def test_a_table_does_not_depend_on_the_order_of_its_rows(ids):
    rows = [{"utterance_id": each, "corpus": "c", "turn": int(each[2:])} for each in ids]
    table = utterance_table(rows)
    assert list(table["utterance_id"]) == sorted(ids)
    assert list(table.columns) == list(UTTERANCE_COLUMNS)
    assert {name: str(kind) for name, kind in table.dtypes.items()} == UTTERANCE_COLUMNS
    assert list(table["turn"]) == [int(each[2:]) for each in sorted(ids)]
    assert table["start_s"].isna().all() and table["label"].isna().all()


def test_no_rows_are_a_table_with_every_column():
    assert list(utterance_table([]).columns) == list(UTTERANCE_COLUMNS)


def test_corpora_and_prediction_take_files_of_the_same_names():
    assert set(media_files.AUDIO) == predict.AUDIO
    assert set(media_files.VIDEO) == predict.VIDEO
