"""Tables as people keep them."""

import csv
import io

import pandas as pd
import pytest
from emoflow.corpora.tabular import read_rows
from emoflow.errors import CorpusError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROWS = [
    {"id": "a1", "text": "Well, “so” – naïve"},
    {"id": "a2", "text": 'He said "no"\nand left'},
    {"id": "a3", "text": "käärme; à vous"},
]


def written(rows=ROWS, *, newline="\n", delimiter=",") -> str:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]), lineterminator=newline, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def held(path) -> list[dict]:
    return read_rows(path).to_dict("records")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_spelling_gives_the_same_rows(tmp_path, encoding, newline, delimiter):
    path = tmp_path / "t.csv"
    path.write_bytes(written(newline=newline, delimiter=delimiter).encode(encoding))
    table = read_rows(path, ["id", "text"])
    assert table.to_dict("records") == ROWS
    assert list(table.index) == [2, 3, 5]  # the second row has two lines


def test_parquet_holds_the_same_rows_as_strings(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame(ROWS).assign(turn=[1, None, 3], share=[0.1, 0.25, float("nan")]).to_parquet(path)
    table = read_rows(path)
    assert table[["id", "text"]].to_dict("records") == ROWS
    assert table["share"].isna().tolist() == [False, False, True] and float(table["share"].iloc[0]) == 0.1
    assert float(table["turn"].iloc[2]) == 3 and pd.isna(table["turn"].iloc[1])
    assert set(map(str, table.dtypes)) == {"str"} and list(table.index) == [1, 2, 3]


cells = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12).map(str.strip)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.tuples(cells.filter(bool), cells), min_size=1, max_size=6))
def test_what_was_written_is_read(tmp_path, rows):
    path = tmp_path / "t.csv"
    path.write_text(written([{"id": a, "text": b} for a, b in rows]), encoding="utf-8", newline="")
    table = read_rows(path).astype(object)
    assert table.where(table.notna(), "").to_numpy().tolist() == [list(row) for row in rows]


def test_cells_are_stripped_and_empty_ones_are_null(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(' id , text\n a1 ,   \n\n"a2",NA\n')
    table = read_rows(path)
    assert table["id"].tolist() == ["a1", "a2"] and table["text"].isna().tolist() == [True, False]
    assert table["text"].iloc[1] == "NA" and list(table.index) == [2, 4]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"id,text,id\na,b,c\n", "column.* named twice: 'id'"),
        (b"id\na\n", r"lacks the column.* text; it has id"),
        (b"id,text\na,b,c\nd,e\nf\n", r"2 row.* not have the 2 columns .* line 2 has 3, line 4 has 1"),
        (b'id,text\na,"b\n', "line 2: not comma-separated"),
        (b'id,text\na,b\nb,"c"d\n', "line 3: not comma-separated"),
        (b"id,text\na,\xc3\xa4\nb,\xe4\n", r"mixes encodings: line.* 2 are UTF-8, line.* 3 are not"),
        (b"id,text\na,b\nc,\x81\n", "line 3: byte 0x81 is neither"),
        (b"\xef\xbb\xbfid,text\na,b\nc,\xe4\n", "line 3: not the UTF-8 that the file begins as"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused(tmp_path, content, said):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=said):
        read_rows(path, ["id", "text"])


def test_parquet_that_cannot_be(tmp_path):
    path = tmp_path / "t.parquet"
    with pytest.raises(CorpusError, match="cannot be read"):
        read_rows(path)
    path.write_bytes(b"id,text\n")
    with pytest.raises(CorpusError, match="is not Parquet"):
        read_rows(path)
    pd.DataFrame({"id": ["a"], "list": [[1, 2]]}).to_parquet(path)
    with pytest.raises(CorpusError, match=r"column.* list hold no words or numbers"):
        read_rows(path)


@pytest.mark.corpora
def test_melds_own_tables(corpora):
    table = read_rows(corpora / "meld" / "train_sent_emo.csv", ["Utterance", "StartTime"])
    assert len(table) == 9989
    assert table["StartTime"].iloc[0] == "00:16:16,059" and "’" in table["Utterance"].iloc[0]
