"""MELD's tables and clips: the real tables, and what is wrong with the release."""

import shutil

import pandas as pd
import pytest
from emoflow.corpora import read
from emoflow.corpora.adapter_interface import utterance_table
from emoflow.corpora.adapters.meld import adapter as meld
from emoflow.errors import CorpusError
from emoflow.schema import UTTERANCE_COLUMNS, Layout
from emoflow.synthesis.layouts import layout_spec
from hypothesis import given
from hypothesis import strategies as st
from laid_out import lay_out, takes

HEADER = (
    "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"
)
FIRST = (
    "1,also I was the point person on my company’s transition.,Chandler,joy,positive,0,0,8,21,"
    '"00:16:16,059","00:16:21,731"'
)
SECOND = (
    '2,"You must’ve, had “your” hands full.",The Interviewer,neutral,neutral,0,1,8,21,'
    '"00:16:21,940","00:16:23,442"'
)


def put(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"mp4")
    return root


def tables(root, *lines, encoding="utf-8", end="\n"):
    for split in ("train", "dev", "test"):
        text = end.join([HEADER, *(lines if split == "train" else ())]) + end
        (root / f"{split}_sent_emo.csv").write_bytes(text.encode(encoding))
    return root


def reasons(reading) -> dict[str, str]:
    return {each["path"]: each["reason"] for each in reading.unread}


def test_a_row(tmp_path):
    reading = read("meld", tables(tmp_path, FIRST, SECOND))
    assert list(reading.table.columns) == list(UTTERANCE_COLUMNS)
    assert reading.unread == []
    first, second = (row.dropna().to_dict() for _, row in reading.table.iterrows())
    assert first == {
        "utterance_id": "meld/train_dia0_utt0",
        "corpus": "meld",
        "speaker": "meld/Chandler",
        "speaker_gender": "male",
        "session": "meld/s08e21",
        "dialogue": "meld/train_dia0",
        "elicitation": "scripted",
        "turn": 0,
        "start_s": 976.059,
        "end_s": 981.731,
        "text": "also I was the point person on my company’s transition.",
        "language": "en",
        "label_raw": "joy",
        "label": "happiness",
        "valence": 1.0,
        "split_official": "train",
    }
    assert second["text"] == "You must’ve, had “your” hands full." and "speaker_gender" not in second


@pytest.mark.parametrize(
    ("encoding", "end"), [("utf-8-sig", "\r\n"), ("utf-16", "\n"), ("cp1252", "\r\n"), ("utf-8", "\r")]
)
def test_however_the_table_is_spelt(tmp_path, encoding, end):
    for name in ("usual", "odd"):
        (tmp_path / name).mkdir()
    usual = read("meld", tables(tmp_path / "usual", FIRST, SECOND)).table
    odd = read("meld", tables(tmp_path / "odd", FIRST, SECOND, encoding=encoding, end=end)).table
    pd.testing.assert_frame_equal(odd, usual)


def test_clips_join_by_split_dialogue_and_number(tmp_path):
    tables(tmp_path, FIRST, SECOND)
    shutil.copy(tmp_path / "train_sent_emo.csv", tmp_path / "test_sent_emo.csv")
    put(tmp_path, "train/train_splits/dia0_utt0.mp4", "output_repeated_splits_test/dia0_utt1.mp4")
    reading = read("meld", tmp_path)
    assert reading.table.set_index("utterance_id")["video"].dropna().to_dict() == {
        "meld/train_dia0_utt0": "train/train_splits/dia0_utt0.mp4",
        "meld/test_dia0_utt1": "output_repeated_splits_test/dia0_utt1.mp4",
    }
    assert reading.table["audio"].isna().all()
    assert set(reasons(reading)) == {
        "train/train_splits/dia0_utt1.mp4",
        "output_repeated_splits_test/dia0_utt0.mp4",
    }


def test_clips_that_were_converted_to_sound_or_another_container(tmp_path):
    put(
        tables(tmp_path, FIRST, SECOND),
        "train_splits/dia0_utt0.WAV",
        "train_splits/dia0_utt0.flac",
        "train_splits/dia0_utt1.mkv",
        "train_splits/dia0_utt1.mp3",
    )
    reading = read("meld", tmp_path)
    assert reading.table["audio"].tolist() == ["train_splits/dia0_utt0.WAV", "train_splits/dia0_utt1.mp3"]
    assert reading.table["video"].fillna("").tolist() == ["", "train_splits/dia0_utt1.mkv"]
    assert reasons(reading) == {
        "train_splits/dia0_utt0.flac": "the same clip as train_splits/dia0_utt0.WAV, which is taken"
    }


def test_of_converted_clips_too_what_is_missing_or_bad_is_said(tmp_path):
    bad = FIRST.replace(",0,0,8,21", ",125,3,8,21")
    put(tables(tmp_path, FIRST, SECOND, bad), "train_splits/dia0_utt0.wav", "train_splits/dia125_utt3.wav")
    put(tmp_path, "clips/dia0_utt0.wav", "train_splits/first.wav")
    reading = read("meld", tmp_path)
    assert reading.table["audio"].dropna().tolist() == ["train_splits/dia0_utt0.wav"]
    assert reasons(reading) == {
        "clips/dia0_utt0.wav": "lies in clips, not in train_splits, dev_splits_complete, output_repeated_splits_test",
        "train_splits/first.wav": "a clip of a split is called dia0_utt0.mp4 (or .wav and others); first.wav is none",
        "train_splits/dia0_utt1.wav": "missing: the table has this utterance, and the clip is missing",
        "train_splits/dia125_utt3.wav": "corrupt as shipped",
    }


def test_a_split_without_clips_is_said_once(tmp_path):
    tables(tmp_path, FIRST, SECOND)
    shutil.copy(tmp_path / "train_sent_emo.csv", tmp_path / "test_sent_emo.csv")
    put(tmp_path, "train_splits/dia0_utt0.mp4", "train_splits/dia0_utt1.mp4")
    assert reasons(read("meld", tmp_path)) == {
        "output_repeated_splits_test": "missing: none of this split's 2 clips is here"
    }


def test_clips_without_a_table(tmp_path):
    put(tmp_path, "dev_splits_complete/dia3_utt11.mp4")
    reading = read("meld", tmp_path)
    row = reading.table.iloc[0].dropna().to_dict()
    assert row == {
        "utterance_id": "meld/dev_dia3_utt11",
        "corpus": "meld",
        "dialogue": "meld/dev_dia3",
        "elicitation": "scripted",
        "turn": 11,
        "video": "dev_splits_complete/dia3_utt11.mp4",
        "language": "en",
        "split_official": "validation",
    }
    assert set(reasons(reading)) == {f"{split}_sent_emo.csv" for split in ("train", "dev", "test")}


def test_clips_that_are_known_to_be_bad(tmp_path):
    bad = FIRST.replace(",0,0,8,21", ",125,3,8,21")
    put(tables(tmp_path, FIRST, bad), "train_splits/dia0_utt0.mp4", "train_splits/dia125_utt3.mp4")
    reading = read("meld", tmp_path)
    assert (
        reading.table["video"].tolist()[0] == "train_splits/dia0_utt0.mp4"
        and reading.table["video"].isna()[1]
    )
    assert reasons(reading) == {"train_splits/dia125_utt3.mp4": "corrupt as shipped"}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("train_splits/dia9_utt0.mp4", "the table has no such utterance"),
        ("train_splits/final_videos_testdia0_utt0.mp4", "is none"),
        ("clips/dia0_utt0.mp4", "lies in clips, not in train_splits"),
        ("train_splits/train_splits/dia0_utt0.mp4", "the same clip as train_splits/dia0_utt0.mp4"),
        ("train.tar.gz", "an archive: unpack it"),
        ("README.txt", "neither a table of a split nor a clip"),
    ],
)
def test_what_is_not_read_is_listed_with_its_reason(tmp_path, path, said):
    put(tables(tmp_path, FIRST), "train_splits/dia0_utt0.mp4", path)
    reading = read("meld", tmp_path)
    assert reading.table["video"].tolist() == ["train_splits/dia0_utt0.mp4"]
    assert set(reasons(reading)) == {path} and said in reasons(reading)[path]


@pytest.mark.parametrize(
    ("old", "new", "column", "value", "said"),
    [
        ("00:16:21,731", "00:16:16,059", "end_s", None, "the end is left out"),
        ("00:16:21,731", "00:16:10,059", "end_s", None, "no later than it begins"),
        ("00:16:21,731", "soon", "end_s", None, "EndTime is 'soon'"),
        (",8,21,", ",8,,", "session", None, "Episode None"),
        (",joy,", ",amused,", "label", None, "Emotion is 'amused'"),
        (",joy,", ",JOY,", "label", "happiness", None),
        (",positive,", ",glad,", "valence", None, "Sentiment is 'glad'"),
        ("00:16:16,059", "0:16:16.059", "start_s", 976.059, None),
    ],
)
def test_a_line_with_an_odd_cell_is_kept(tmp_path, old, new, column, value, said):
    reading = read("meld", tables(tmp_path, FIRST.replace(old, new)))
    (cell,) = reading.table[column]
    assert pd.isna(cell) if value is None else cell == value
    if said:
        assert said in reasons(reading)["train_sent_emo.csv:2"]
    else:
        assert reading.unread == []


@pytest.mark.parametrize("dialogue", ["x", "9" * 20, "9" * 5000])
def test_a_line_without_a_number_is_listed(tmp_path, dialogue):
    reading = read("meld", tables(tmp_path, FIRST, SECOND.replace(",0,1,8", f",{dialogue},1,8")))
    assert len(reading.table) == 1 and "both are numbers" in reasons(reading)["train_sent_emo.csv:3"]


def test_an_utterance_named_twice(tmp_path):
    with pytest.raises(CorpusError, match=r"twice: meld/train_dia0_utt0 \(lines 2, 3\)"):
        read("meld", tables(tmp_path, FIRST, FIRST))


def test_two_tables_of_a_split(tmp_path):
    tables(tmp_path, FIRST)
    put(tmp_path, "train/x")
    shutil.copy(tmp_path / "train_sent_emo.csv", tmp_path / "train")
    reading = read("meld", tmp_path)
    assert "the same table as train_sent_emo.csv" in reasons(reading)["train/train_sent_emo.csv"]
    (tmp_path / "train/train_sent_emo.csv").write_text(f"{HEADER}\n{SECOND}\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="two tables of train that differ"):
        read("meld", tmp_path)


def test_a_table_without_its_columns(tmp_path):
    tables(tmp_path, FIRST)
    (tmp_path / "dev_sent_emo.csv").write_text("Utterance,Emotion\nhi,joy\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"dev_sent_emo.csv lacks the column.*Speaker"):
        read("meld", tmp_path)


def test_one_name_in_several_spellings(tmp_path):
    spelt = ["Joey’s  Twin", "Joey's Twin", "joey's twin", "Joey's Twin"]
    lines = [
        FIRST.replace("Chandler", name).replace(",0,0,8", f",0,{turn},8") for turn, name in enumerate(spelt)
    ]
    reading = read("meld", tables(tmp_path, *lines))
    assert set(reading.table["speaker"]) == {"meld/Joey's Twin"}
    assert "joey's twin as Joey's Twin" in reasons(reading)["*_sent_emo.csv"]


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("train_dia0_utt0", "train_dia0_utt0"),
        ("train_splits/dia12_utt3.mp4", "train_dia12_utt3"),
        ("dev_splits_complete/dia12_utt3", "dev_dia12_utt3"),
        ("features/validation/dia12_utt3.npy", "dev_dia12_utt3"),
        ("dia12_utt3", None),
        ("train/utt3", None),
    ],
)
def test_names_of_clips(name, local):
    assert meld.local_id(name) == local


@given(st.text(max_size=20))
def test_other_names_are_not(name):
    assert meld.local_id(name) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (".", "but .*/MELD.Raw does"),
        ("MELD.Raw/train_splits/x", "but .*/MELD.Raw does"),
        ("a/b", r"archives \(MELD.Raw.tar.gz\)"),
    ],
)
def test_the_wrong_folder_is_told_from_the_right_one(tmp_path, given, said):
    put(tmp_path, "MELD.Raw/train_splits/x/y", "a/b/MELD.Raw.tar.gz")
    with pytest.raises(CorpusError, match=f"is not MELD: .*{said}"):
        read("meld", tmp_path / given)


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("truth", [{}, {"missing": 0.3}])
def test_what_is_laid_out_is_read_back(tmp_path, clean, truth):
    layout = layout_spec("meld")
    plan = layout.plan(takes(8, 4, layout, **truth), "mine", 3, clean)
    reading = read("mine", lay_out(plan, tmp_path), Layout("meld"))
    pd.testing.assert_frame_equal(reading.table, utterance_table(plan.rows))
    assert len(plan.ids) == len(reading.table) == 8 * 7 * 4
    assert set(reading.table["split_official"]) == {"train", "validation", "test"}
    planted = {each.path for each in plan.irregularities}
    assert planted <= set(reasons(reading)) and clean == (not planted)
    assert reading.table["text"].str.contains("“").any() != clean


def test_no_dialogue_has_the_number_of_a_bad_clip(tmp_path):
    layout = layout_spec("meld")
    plan = layout.plan(takes(80, 5, layout), "meld", 3, True)
    dialogues = {each.rpartition("_")[0].partition("/")[2] for each in plan.ids.values()}
    assert "train_dia126" in dialogues and "test_dia39" in dialogues
    assert not dialogues & {bad.rpartition("_")[0] for bad in meld.KNOWN_BAD}


@pytest.mark.corpora
def test_the_real_tables(corpora):
    reading = read("meld", corpora / "meld")
    table = reading.table
    assert table["split_official"].value_counts().to_dict() == {
        "train": 9989,
        "validation": 1109,
        "test": 2610,
    }
    assert table.groupby("split_official")["dialogue"].nunique().to_dict() == {
        "train": 1038,
        "validation": 114,
        "test": 280,
    }
    counts = table.groupby("split_official")["label"].value_counts().unstack().T.to_dict()
    assert counts["train"] == {
        "neutral": 4710,
        "happiness": 1743,
        "surprise": 1205,
        "anger": 1109,
        "sadness": 683,
        "disgust": 271,
        "fear": 268,
    }
    assert counts["test"] == {
        "neutral": 1256,
        "happiness": 402,
        "surprise": 281,
        "anger": 345,
        "sadness": 208,
        "disgust": 68,
        "fear": 50,
    }
    assert table["valence"].value_counts().to_dict() == {0.0: 6436, -1.0: 4184, 1.0: 3088}
    assert table["text"].notna().all()
    assert table.groupby("split_official")["text"].agg(
        lambda texts: texts.str.count("’").sum()
    ).to_dict() == {
        "train": 3547,
        "validation": 414,
        "test": 1005,
    }
    assert set(reasons(reading)) == {"LICENSE", "*_sent_emo.csv", "test_sent_emo.csv:1442"}
    assert table["end_s"].isna().sum() == 1
    six = table["speaker_gender"].notna()
    assert set(table.loc[six, "speaker"]) == {
        f"meld/{name}" for name in ("Chandler", "Joey", "Monica", "Phoebe", "Rachel", "Ross")
    }


DYADIC = (
    "Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Old_Dialogue_ID,Old_Utterance_ID,Season,Episode,"
    "StartTime,EndTime\n"
    'Hi.,Ross,joy,positive,0,0,7,2,4,4,"00:12:32,334","00:12:33,960"\n'
    'Hey.,Joey,joy,positive,0,1,7,4,4,4,"00:12:34,334","00:12:35,960"\n'
    'Hey.,Joey,joy,positive,1,0,7,4,4,4,"00:12:34,334","00:12:35,960"\n'
)


def test_the_dyadic_variant_has_dialogues_of_its_own_and_clips_by_their_old_numbers(tmp_path):
    (tmp_path / "dev_sent_emo_dya.csv").write_text(DYADIC)
    put(tmp_path, "dev_splits_complete/dia7_utt2.mp4", "dev_splits_complete/dia7_utt4.mp4")
    reading = read("meld", tmp_path)
    assert [
        (row["utterance_id"], row["dialogue"], row["turn"], row["video"]) for row in records(reading)
    ] == [
        ("meld/dev_dya0_utt0", "meld/dev_dya0", 0, "dev_splits_complete/dia7_utt2.mp4"),
        ("meld/dev_dya0_utt1", "meld/dev_dya0", 1, "dev_splits_complete/dia7_utt4.mp4"),
        ("meld/dev_dya1_utt0", "meld/dev_dya1", 0, "dev_splits_complete/dia7_utt4.mp4"),
    ]
    assert set(reasons(reading)) == {"train_sent_emo.csv", "test_sent_emo.csv"}
    assert meld.ADAPTER.local_id("dev_dya1_utt0") == "dev_dya1_utt0"


def test_beside_the_tables_themselves_the_dyadic_ones_are_left_out(tmp_path):
    tables(tmp_path, FIRST)
    (tmp_path / "dev_sent_emo_dya.csv").write_text(DYADIC)
    reading = read("meld", tmp_path)
    assert len(reading.table) == 1
    assert reasons(reading) == {
        "dev_sent_emo_dya.csv": "the dyadic variant of MELD, whose own tables are here and are taken"
    }


def records(reading) -> list[dict]:
    return reading.table.to_dict("records")
