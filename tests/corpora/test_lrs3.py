"""LRS3's layout and its three-part transcripts; read back from what was planted in it."""

import pandas as pd
import pytest
from emoflow.corpora import read
from emoflow.corpora.adapter_interface import utterance_table
from emoflow.corpora.adapters import lrs3
from emoflow.errors import CorpusError
from emoflow.schema import UTTERANCE_COLUMNS, Layout
from emoflow.synthesis.layouts import layout_spec
from hypothesis import given
from hypothesis import strategies as st
from laid_out import lay_out, takes

SPEC = layout_spec("lrs3")
HEAD = "Text:  FRAME HE SAID TO ME\nConf:  4\nRef: UGtFXtnWME4\n\n"
FRAMES = (
    "FRAME \tX \tY \tW \tH \n"
    "000245 \t0.310 \t0.178 \t0.210 \t0.373 \n"
    "000246 \t0.311 \t0.178 \t0.210 \t0.373 \n\n"
)
WORDS = "WORD START END ASDSCORE\nFRAME 0.02 0.09 4.5\nHE 0.10 0.28 4.5\nWORD 0.30 0.41 -0.2\n"
TXT = HEAD + FRAMES + WORDS


def put(root, content, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


@pytest.fixture
def small(tmp_path):
    put(tmp_path, b"", "trainval/UGtFXtnWME4/50021.mp4")
    return put(tmp_path, TXT, "trainval/UGtFXtnWME4/50021.txt")


def reasons(root) -> dict[str, str]:
    return {each["path"]: each["reason"] for each in read("lrs3", root).unread}


def test_a_row(small):
    table = read("lrs3", small).table
    assert list(table.columns) == list(UTTERANCE_COLUMNS)
    assert table.iloc[0].dropna().to_dict() == {
        "utterance_id": "lrs3/trainval/UGtFXtnWME4/50021",
        "corpus": "lrs3",
        "speaker": "lrs3/UGtFXtnWME4",
        "session": "lrs3/UGtFXtnWME4",
        "start_s": 245 / 25,
        "end_s": 247 / 25,
        "video": "trainval/UGtFXtnWME4/50021.mp4",
        "text": "FRAME HE SAID TO ME",
        "language": "en",
        "split_official": "train",
    }
    assert reasons(small) == {}


def test_the_parts_of_the_release(small):
    put(small, TXT, "pretrain/UGtFXtnWME4/00001.txt", "test/UGtFXtnWME4/00001.txt")
    put(small, b"", "pretrain/UGtFXtnWME4/00001.mp4", "test/UGtFXtnWME4/00001.mp4")
    table = read("mine", small, Layout(layout="lrs3")).table
    assert table["split_official"].tolist() == ["train", "test", "train"]
    assert table["utterance_id"].tolist()[0] == "mine/pretrain/UGtFXtnWME4/00001"


def test_a_transcript_has_three_parts():
    transcript, faults = lrs3.parse(TXT.encode())
    assert faults == []
    assert transcript == lrs3.Transcript(
        text="FRAME HE SAID TO ME",
        ref="UGtFXtnWME4",
        frames=(245, 246),
        words=(
            lrs3.Word("FRAME", 0.02, 0.09),
            lrs3.Word("HE", 0.10, 0.28),
            lrs3.Word("WORD", 0.30, 0.41),
        ),
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("begin", ["", "\ufeff"])
def test_the_third_part_may_be_absent(newline, begin):
    transcript, faults = lrs3.parse((begin + HEAD + FRAMES.rstrip()).replace("\n", newline).encode())
    assert faults == [] and transcript.words == () and transcript.frames == (245, 246)
    assert transcript.text == "FRAME HE SAID TO ME"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no Text, no Ref, no FRAME lines"),
        (HEAD, "no FRAME lines: its place in the talk is not known"),
        (HEAD.replace("FRAME HE SAID TO ME", "") + FRAMES, "1 fault(s): no Text"),
        (TXT.replace("000246 \t0.311", "000246 \tx"), "line 7: '000246 \\tx"),
        (TXT.replace("000246 \t0.311", "000246"), "line 7: '000246"),
        (TXT.replace("HE 0.10 0.28", "HE 0.10 late"), "line 11: 'HE 0.10 late"),
        (TXT.replace("Conf:  4", "very sure"), "line 2: 'very sure'"),
        (TXT.encode().replace(b"SAID", b"S\xffID"), "holds bytes that are not UTF-8"),
        (TXT.replace("UGtFXtnWME4", "another0000"), "Ref is another0000, and the folder is UGtFXtnWME4's"),
    ],
)
def test_what_a_transcript_lacks_is_told(small, content, said):
    path = "trainval/UGtFXtnWME4/50021.txt"
    put(small, content, path)
    assert said in reasons(small)[path]
    assert len(read("lrs3", small).table) == 1


@given(st.binary(max_size=200) | st.text("FRAMEWORDXSTT :\n01.", max_size=120).map(str.encode))
def test_whatever_a_transcript_holds_it_is_read_or_told(content):
    transcript, faults = lrs3.parse(content)
    assert faults or (transcript.text and transcript.ref and transcript.frames)


def test_a_clip_without_text_and_a_text_without_a_clip(small):
    put(small, b"", "trainval/UGtFXtnWME4/50022.mp4")
    put(small, TXT, "trainval/UGtFXtnWME4/50023.txt")
    table = read("lrs3", small).table
    assert table["text"].isna().tolist() == [False, True, False]
    assert table["video"].isna().tolist() == [False, False, True]
    assert reasons(small) == {
        "trainval/UGtFXtnWME4/50022.txt": "missing: the clip has no text",
        "trainval/UGtFXtnWME4/50023.mp4": "missing: the text has no clip",
    }


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("trainval/UGtFXtnWME4/50021.wav", "a clip comes as .mp4 and .txt"),
        ("trainval/UGtFXtnWME4/first.mp4", "is not where LRS3 has files"),
        ("trainval/50021.mp4", "is not where LRS3 has files"),
        ("main/UGtFXtnWME4/50021.mp4", "is not where LRS3 has files"),
        ("trainval/UGtFXtnWME4/50021.MP4", "the same name as|is taken"),
        ("lrs3-valid.id", "is not where LRS3 has files"),
    ],
)
def test_what_is_not_read_is_listed_with_its_reason(small, path, said):
    put(small, b"", path)
    reading = read("lrs3", small)
    assert len(reading.table) == 1
    (entry,) = reading.unread
    assert entry["path"].lower() == path.lower()
    assert pd.Series([entry["reason"]]).str.contains(said).all()


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("truth", [{}, {"missing": 0.3}])
@pytest.mark.parametrize("language", ["en", "de"])
def test_what_was_planted_is_read_back(tmp_path, clean, truth, language):
    plan = SPEC.plan(takes(4, 3, SPEC, language=language, **truth), "lrs3", 7, clean)
    reading = read("lrs3", lay_out(plan, tmp_path), Layout(language=language))
    pd.testing.assert_frame_equal(reading.table, utterance_table(plan.rows))
    named = {each["path"] for each in reading.unread}
    assert {each.path for each in plan.irregularities} <= named
    if clean and not truth:
        assert reading.unread == []
    assert {part.split("/")[0] for part in plan.recordings} == {"pretrain", "trainval", "test"}


names = st.builds(
    "{}/{}/{:05d}".format,
    st.sampled_from(list(lrs3.SPLITS)),
    st.from_regex(r"[A-Za-z0-9_-]{11}", fullmatch=True),
    st.integers(0, 99_999),
)


@given(names, st.sampled_from(["", ".mp4", ".txt", ".MP4"]))
def test_a_name_is_a_part_a_talk_and_a_number(name, suffix):
    assert lrs3.local_id(name + suffix) == lrs3.local_id(f"lrs3/{name}{suffix}") == name


@given(st.text(max_size=30))
def test_other_names_are_no_clip(name):
    local = lrs3.local_id(name)
    assert local is None or local in name


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (".", r"but \S*corpus/lrs3 does; give that folder"),
        ("corpus/lrs3/trainval", "but .*corpus/lrs3 does; give that folder"),
        ("corpus/lrs3/trainval/UGtFXtnWME4", "but .*corpus/lrs3 does; give that folder"),
        ("empty", "it is empty"),
        ("packed", r"archives \(lrs3_pretrain.zip\): unpack"),
        ("nowhere", "does not exist; to get it: ask Oxford VGG"),
    ],
)
def test_the_wrong_folder_is_told_from_the_right_one(tmp_path, given, said):
    put(tmp_path, TXT, "corpus/lrs3/trainval/UGtFXtnWME4/50021.txt")
    put(tmp_path, b"", "packed/lrs3_pretrain.zip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=said):
        read("lrs3", tmp_path / given)
