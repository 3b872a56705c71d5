"""What lies in a corpus's folder: every file once, sorted; and the utterance table made of rows."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.corpora.reading import files_below, utterance_table
from components.schema import UTTERANCE_COLUMNS

FILES_A_SECOND = 10_000


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
    (root / "to_nothing.wav").symlink_to(tmp_path / "gone.wav")
    (root / "to_folder").symlink_to(root / "a")
    assert files_below(root) == (["a/1.wav", "to_file.wav", "to_nothing.wav"], 0)


def test_an_empty_folder(root):
    root.mkdir()
    assert files_below(root) == ([], 0)


def test_many_files_are_listed_fast(root):
    for folder in range(20):
        (root / f"{folder:02}").mkdir(parents=True)
        for number in range(250):
            (root / f"{folder:02}" / f"{number}.wav").touch()
    began = time.perf_counter()
    found, _ = files_below(root)
    assert len(found) / (time.perf_counter() - began) > FILES_A_SECOND
    assert len(found) == 5000


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
