"""A corpus described by a table of its own, as the control corpus is."""

import pytest

from components.corpora import attached, read
from components.errors import CorpusError
from components.schema import Layout

HEADER = "id,speaker,gender,session,text,label\n"
LINES = ['a1,s1,female,s1-1,"Well, so.",anger\n', "a2,s2,male,s2-1,Fine.,happiness\n"]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "utterances.csv").write_text(HEADER + "".join(LINES))
    for name in ("audio/a1.wav", "audio/a2.wav", "video/a1.mp4", "video/a2.mp4", "truth/displays.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_rows(root):
    reading = read("control", root)
    assert reading.unread == []
    assert reading.table.iloc[0].dropna().to_dict() == {
        "utterance_id": "control/a1",
        "corpus": "control",
        "speaker": "control/s1",
        "speaker_gender": "female",
        "session": "control/s1-1",
        "audio": "audio/a1.wav",
        "video": "video/a1.mp4",
        "text": "Well, so.",
        "language": "en",
        "label_raw": "anger",
        "label": "anger",
    }


def test_rows_are_sorted_whatever_the_order_of_lines(root):
    before = read("control", root).table
    (root / "utterances.csv").write_text(HEADER + "".join(reversed(LINES)))
    assert read("control", root).table.equals(before)


def test_the_truth_is_not_opened(root):
    (root / "truth" / "displays.parquet").unlink()
    (root / "truth").rmdir()
    assert len(read("control", root).table) == 2


def test_what_is_missing_and_what_is_unknown_is_listed(root):
    (root / "video" / "a2.mp4").unlink()
    (root / "audio" / "b9.wav").write_bytes(b"x")
    reading = read("control", root)
    assert reading.unread == [
        {"path": "audio/b9.wav", "reason": "utterances.csv has no utterance of this name"},
        {"path": "video/a2.mp4", "reason": "utterances.csv calls for it, and it is not there"},
    ]
    assert len(reading.table) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (HEADER, "names no utterance"),
        ("id,label\na1,anger\n", "lacks the column.* speaker, gender, session, text"),
        (HEADER + LINES[0] * 2, "named twice: a1"),
        (HEADER + "a1,s1,female,,x,rage\n", "nobody declared: a1: 'rage'; a label may be anger"),
        (HEADER + "a1,s1,female,,x,\n", "nobody declared"),
        (HEADER + ",s1,female,,x,anger\n", "no id in line.* 2"),
        (HEADER + "a1,,female,,x,anger\n", "no speaker in line.* 2"),
        (HEADER + "../a1,s1,female,,x,anger\n", "holds no '/'"),
        (HEADER.encode() + b"a1,s1,female,,\xff\xfe,anger\n", "not a UTF-8 table"),
    ],
)
def test_tables_that_cannot_be(root, content, said):
    (root / "utterances.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CorpusError, match=said):
        read("control", root)


def test_no_table(root, tmp_path):
    (tmp_path / "above").mkdir()
    (root / "utterances.csv").rename(tmp_path / "above" / "utterances.csv")
    with pytest.raises(CorpusError, match=r"no utterances\.csv; it is in above: give that folder"):
        read("control", tmp_path)


def test_features_join_by_id(root):
    (root / "attached").mkdir()
    (root / "attached" / "gesture.csv").write_text("name,g1\na2.mp4,1\na1,2\n")
    table = attached("control", root, read("control", root).table["utterance_id"])["gesture"]
    assert table["g1"].to_dict() == {"control/a1": 2, "control/a2": 1}


def test_a_layout_that_nobody_knows(root):
    with pytest.raises(CorpusError, match="no adapter reads the layout 'contrl'; did you mean 'control'"):
        read("mylab", root, Layout("contrl"))
