"""RAVDESS's layout, names and irregularities; and feature tables that join to it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.corpora import attached, ravdess, read
from components.corpora.features import read_features
from components.errors import CorpusError
from components.schema import EMOTIONS, UTTERANCE_COLUMNS


def put(root, *paths, content=b"RIFF"):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def reasons(reading) -> dict[str, str]:
    return {each["path"]: each["reason"] for each in reading.unread}


names = st.tuples(*(st.sampled_from(values) for _, values in ravdess.FIELDS)).map("-".join)


@given(names)
def test_a_name_of_the_grammar_is_an_utterance_or_cannot_be(name):
    modality, channel, emotion, intensity, *_ = name.split("-")
    impossible = (emotion == "01" and intensity == "02") or (channel == "02" and emotion in ("07", "08"))
    local = ravdess.local_id(name)
    assert local == (None if impossible else name[3:])
    assert ravdess.local_id(f"{name}.wav") == ravdess.local_id(f"Actor_01/{name}.mp4") == local
    assert modality in ravdess.SUFFIXES


@given(st.text(max_size=30))
def test_other_names_are_not(name):
    local = ravdess.local_id(name)
    assert local is None or local in name


def test_a_row(tmp_path):
    put(tmp_path, "Actor_12/03-01-06-02-02-01-12.wav")
    table = read("ravdess", tmp_path).table
    assert list(table.columns) == list(UTTERANCE_COLUMNS)
    row = table.iloc[0].dropna().to_dict()
    assert row == {
        "utterance_id": "ravdess/01-06-02-02-01-12",
        "corpus": "ravdess",
        "speaker": "ravdess/12",
        "speaker_gender": "female",
        "audio": "Actor_12/03-01-06-02-02-01-12.wav",
        "text": "Dogs are sitting by the door",
        "language": "en",
        "label_raw": "fearful",
        "label": "fear",
        "intensity": "strong",
    }


def test_one_performance_is_one_utterance_with_several_media(tmp_path):
    files = [f"Actor_01/{m}-01-05-01-01-01-01.{s}" for m, s in (("01", "mp4"), ("02", "mp4"), ("03", "wav"))]
    put(tmp_path, *files, "Actor_01/02-01-05-01-01-02-01.mp4", "Actor_01/03-02-05-01-01-01-01.wav")
    reading = read("ravdess", tmp_path)
    table = reading.table.set_index("utterance_id")
    assert list(table.index) == [
        "ravdess/01-05-01-01-01-01",
        "ravdess/01-05-01-01-02-01",
        "ravdess/02-05-01-01-01-01",
    ]
    assert table["audio"].tolist()[::2] == [files[2], "Actor_01/03-02-05-01-01-01-01.wav"]
    assert table["video"].tolist()[:2] == [files[0], "Actor_01/02-01-05-01-01-02-01.mp4"]
    assert table["video"].isna().tolist() == [False, False, True]
    assert reading.unread == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("Actor_01/03-01-09-01-01-01-01.wav", "emotion is '09'; it may be 01 to 08"),
        (
            "Actor_01/04-01-01-01-01-01-01.wav",
            "modality is '04'; it may be 01 to 03|modality is '04'; it may be 01, 02",
        ),
        ("Actor_01/03-01-01-01-01-03-01.wav", "repetition is '03'; it may be 01, 02"),
        ("Actor_01/03-01-02-01-01-01-25.wav", "actor is '25'; it may be 01 to 24"),
        ("Actor_01/03-01-01-02-01-01-01.wav", "neutral .* no strong intensity"),
        ("Actor_01/03-02-08-01-01-01-01.wav", "song .* no surprised"),
        ("Actor_01/03-01-01-01-01-01.wav", "7 numbers .* 6 part"),
        ("Actor_01/notes.txt", "7 numbers"),
        ("Actor_02/03-01-01-01-01-02-01.wav", "lies in Actor_02, not in Actor_01"),
        ("03-01-01-01-01-02-01.wav", "not in Actor_01 at the top"),
        ("Actor_01/03-01-02-01-01-01-01.mp4", "modality 03 comes as .wav or .flac, not .mp4"),
        ("Actor_01/01-01-02-01-01-01-01.wav", "modality 01 comes as .mp4, not .wav"),
        ("Actor_01/03-01-01-01-01-01-01.flac", "the same recording as"),
    ],
)
def test_what_is_not_read_is_listed_with_its_reason(tmp_path, path, said):
    put(tmp_path, "Actor_01/03-01-01-01-01-01-01.wav", path)
    reading = read("ravdess", tmp_path)
    assert list(reading.table["audio"]) == ["Actor_01/03-01-01-01-01-01-01.wav"]
    (reason,) = [reasons(reading)[path]]
    assert pd.Series([reason]).str.contains(said).all(), reason


def test_what_a_mac_leaves_is_counted(tmp_path):
    good = "Actor_01/03-01-01-01-01-01-01.wav"
    put(
        tmp_path,
        good,
        "Actor_01/._03-01-01-01-01-01-01.wav",
        "Actor_01/.DS_Store",
        "__MACOSX/Actor_01/._x.wav",
    )
    reading = read("ravdess", tmp_path)
    assert len(reading.table) == 1
    assert reasons(reading) == {
        "._*": "3 file(s) that an operating system left (._*, .DS_Store), not recordings"
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("..", "but corpus in it does; give that folder"),
        ("Actor_03", "one actor's folder; give the folder that holds all of them"),
        ("empty", "is not RAVDESS: .* empty"),
        ("zips", r"archives \(a.zip\): unpack"),
        ("other", r"is not RAVDESS: .* it holds song.mp3"),
        ("nowhere", "is not there; have it by: emoflow corpora fetch ravdess"),
    ],
)
def test_the_wrong_folder_is_told_from_the_right_one(tmp_path, given, said):
    root = put(tmp_path / "corpus", "Actor_03/03-01-01-01-01-01-03.wav")
    put(root, "zips/a.zip", "other/song.mp3")
    (root / "empty").mkdir()
    with pytest.raises(CorpusError, match=said):
        read("ravdess", (root / given).resolve())


def features(root, table: pd.DataFrame) -> None:
    (root / "attached").mkdir(exist_ok=True)
    table.to_csv(root / "attached" / "face.csv", index=False)


@pytest.fixture
def two(tmp_path):
    return put(tmp_path, "Actor_01/03-01-02-01-01-01-01.wav", "Actor_01/03-01-03-01-01-01-01.wav")


def test_a_feature_table_joins_by_the_last_six_fields(two):
    names = ["01-01-03-01-01-01-01.mp4", "01-01-02-01-01-01-01"]
    features(two, pd.DataFrame({"AU01": [1, 2], "name": names, "AU02": [0.5, 0.25]}))
    (table,) = attached("ravdess", two, read("ravdess", two).table["utterance_id"]).values()
    assert list(table.index) == ["ravdess/01-02-01-01-01-01", "ravdess/01-03-01-01-01-01"]
    assert table.index.name == "utterance_id"
    assert table.to_numpy().tolist() == [[2, 0.25], [1, 0.5]]
    assert set(table.dtypes) == {np.dtype("float32")}


def test_rows_of_clips_that_are_elsewhere_are_left_out_and_counted(two):
    names = ["01-01-02-01-01-01-01", "01-01-02-01-01-01-24", "01-01-03-01-01-01-24"]
    features(two, pd.DataFrame({"AU01": [1, 2, 3], "name": names}))
    (table,) = attached("ravdess", two, read("ravdess", two).table["utterance_id"]).values()
    assert list(table.index) == ["ravdess/01-02-01-01-01-01"]
    assert table.attrs["foreign"] == 2


@pytest.mark.corpora
def test_a_clip_that_was_lost_is_named(ravdess_wavs, tmp_path):
    for wav in sorted((ravdess_wavs(7) / "Actor_07").glob("*.wav")):
        put(tmp_path, f"Actor_07/{wav.name}")
    assert read("ravdess", tmp_path).unread == []
    (tmp_path / "Actor_07/03-01-08-02-01-01-07.wav").unlink()
    (lost,) = read("ravdess", tmp_path).unread
    assert lost["path"] == "Actor_07/03-01-08-02-01-01-07"
    assert lost["reason"] == "missing: 59 of this actor's 60 speech clips are here"


def test_no_feature_table(two):
    assert attached("ravdess", two, read("ravdess", two).table["utterance_id"]) == {}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"id": ["x"], "AU": [1]}, "no column 'name'"),
        (
            {"name": ["01-01-02-01-01-01-01", "03-01-02-01-01-01-01.wav"], "AU": [1, 2]},
            "more than once: ravdess/01-02",
        ),
        (
            {"name": ["01-01-02-01-01-01-01"], "AU": [None]},
            "without a finite number: 01-01-02-01-01-01-01: AU",
        ),
        ({"name": ["01-01-02-01-01-01-01"], "AU": [float("inf")]}, "finite"),
        ({"name": ["01-01-08-01-01-01-01"], "AU": [1]}, "none of its clips .*: ravdess/01-08-01"),
        ({"name": ["clip1"], "AU": [1]}, "none of ravdess's: 'clip1'"),
        ({"name": ["01-01-02-01-01-01-01"], "AU": ["high"]}, "do not hold numbers alone: AU"),
        ({"name": ["01-01-02-01-01-01-01"]}, "0 feature"),
    ],
)
def test_a_feature_table_that_does_not_join(two, table, said):
    features(two, pd.DataFrame(table))
    with pytest.raises(CorpusError, match=said):
        attached("ravdess", two, read("ravdess", two).table["utterance_id"])


def test_labels_are_words_that_everyone_knows():
    assert {label for _, label in ravdess.LABELS.values()} <= set(EMOTIONS)


@pytest.mark.corpora
def test_the_real_recordings(corpora):
    reading = read("ravdess", corpora / "ravdess")
    assert len(reading.table) == 1440
    assert reading.table["speaker"].value_counts().eq(60).all() and reading.table["speaker"].nunique() == 24
    assert set(reasons(reading)) == {
        "openface_au_means.csv",
        *(f"original_48k/{path.name}" for path in (corpora / "ravdess" / "original_48k").iterdir()),
    }
    counts = reading.table["label"].value_counts()
    assert counts.pop("neutral") == 96 and set(counts) == {192}


@pytest.mark.corpora
def test_the_real_feature_table(corpora):
    ids = read("ravdess", corpora / "ravdess").table["utterance_id"]
    path = corpora / "ravdess" / "openface_au_means.csv"
    table = read_features(path, "ravdess", ravdess.local_id, ids)
    assert list(table.index) == list(ids)
    assert table.shape == (1440, 36)
