"""RAVDESS's layout, names and irregularities; and feature tables that join to it."""

from itertools import product

import pandas as pd
import pytest
from emoflow.corpora import attached_features, read
from emoflow.corpora.adapter_interface import utterance_table
from emoflow.corpora.adapters import ravdess
from emoflow.corpora.attached.joining import read_features
from emoflow.errors import CorpusError
from emoflow.schema import EMOTIONS, UTTERANCE_COLUMNS, Layout
from emoflow.synthesis.layouts import layout_spec
from hypothesis import given
from hypothesis import strategies as st
from laid_out import lay_out, takes


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
        "elicitation": "scripted",
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
        ("Actor_01/03-01-09-01-01-01-01.wav", "emotion is '09'; it must be 01 to 08"),
        (
            "Actor_01/04-01-01-01-01-01-01.wav",
            "modality is '04'; it must be 01 to 03|modality is '04'; it must be 01, 02",
        ),
        ("Actor_01/03-01-01-01-01-03-01.wav", "repetition is '03'; it must be 01, 02"),
        ("Actor_01/03-01-02-01-01-01-25.wav", "actor is '25'; it must be 01 to 24"),
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


@pytest.mark.parametrize("folder", ["", "Audio_Speech_Actors_01-24/"])
def test_without_folders_of_actors_the_names_tell_them(tmp_path, folder):
    names = "03-01-01-01-01-01-01.wav", "03-01-03-01-01-01-02.wav"
    put(tmp_path, *(folder + name for name in names), "notes.txt")
    reading = read("ravdess", tmp_path)
    assert reading.table["utterance_id"].tolist() == [
        "ravdess/01-01-01-01-01-01",
        "ravdess/01-03-01-01-01-02",
    ]
    assert reading.table["speaker"].tolist() == ["ravdess/01", "ravdess/02"]
    assert "notes.txt" in reasons(reading)


def test_one_actors_folder_is_still_not_the_corpus(tmp_path):
    put(tmp_path, "Actor_01/03-01-01-01-01-01-01.wav", "Actor_02/03-01-03-01-01-01-02.wav")
    with pytest.raises(CorpusError, match=f"{tmp_path.name} does; give that folder"):
        read("ravdess", tmp_path / "Actor_01")


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
        "._*": "3 file(s) that an operating system or git left (._*, .DS_Store, .git), not recordings"
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (".", "but .*/corpus does; give that folder"),
        ("corpus/Actor_03", "but .*/corpus does; give that folder"),
        ("corpus/notes", "but .*/corpus does; give that folder"),
        ("a/empty", "is not RAVDESS: .* empty"),
        ("a/zips", r"archives \(a.zip\): unpack"),
        ("a/other", "is not RAVDESS: .* it holds song.mp3"),
        ("nowhere", "does not exist; to get it: emoflow corpora fetch ravdess"),
    ],
)
def test_the_wrong_folder_is_told_from_the_right_one(tmp_path, given, said):
    put(tmp_path, "corpus/Actor_03/03-01-01-01-01-01-03.wav", "a/zips/a.zip", "a/other/song.mp3")
    (tmp_path / "corpus/notes").mkdir()
    (tmp_path / "a/empty").mkdir()
    with pytest.raises(CorpusError, match=said):
        read("ravdess", tmp_path / given)


def test_archives_unpacked_each_into_its_own_folder(tmp_path):
    put(
        tmp_path,
        "Audio_Speech_Actors_01-24/Actor_01/03-01-02-01-01-01-01.wav",
        "Video_Speech_Actor_01/Actor_01/01-01-02-01-01-01-01.mp4",
        "Audio_Song_Actors_01-24/Actor_01/03-02-02-01-01-01-01.wav",
        "backup/Actor_01/03-01-02-01-01-01-01.wav",
    )
    reading = read("ravdess", tmp_path)
    spoken, sung = reading.table.itertuples()
    assert spoken.audio.startswith("Audio_Speech") and spoken.video.startswith("Video_Speech")
    assert sung.audio.startswith("Audio_Song")
    assert list(reasons(reading)) == ["backup/Actor_01/03-01-02-01-01-01-01.wav"]


@pytest.mark.parametrize("first", ["Actor_01", "Audio_Speech_Actors_01-24/Actor_01"])
def test_of_two_files_of_one_recording_the_wav_is_taken(tmp_path, first):
    put(
        tmp_path,
        f"{first}/03-01-02-01-01-01-01.flac",
        "Video_Speech_Actor_01/Actor_01/03-01-02-01-01-01-01.wav",
    )
    reading = read("ravdess", tmp_path)
    assert reading.table["audio"].tolist() == ["Video_Speech_Actor_01/Actor_01/03-01-02-01-01-01-01.wav"]
    assert list(reasons(reading)) == [f"{first}/03-01-02-01-01-01-01.flac"]


def everything(actor: int) -> list[str]:
    """The names that an actor of RAVDESS has: speech in all modalities, and song but for Actor_18."""
    names = [
        f"{'-'.join(values)}-{actor:02}" for values in product(*(values for _, values in ravdess.FIELDS[:-1]))
    ]
    names = [name for name in names if ravdess.local_id(name)]
    return [name for name in names if not (actor == 18 and name.startswith("02", 3))]


def test_the_whole_of_it(tmp_path):
    for actor in (17, 18):
        for name in everything(actor):
            put(tmp_path, f"Actor_{actor}/{name}.{'wav' if name.startswith('03') else 'mp4'}")
    reading = read("ravdess", tmp_path)
    assert reading.unread == []
    assert reading.table["speaker"].value_counts().to_dict() == {"ravdess/17": 60 + 44, "ravdess/18": 60}
    assert reading.table[["audio", "video"]].notna().all(axis=None)


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("01-01-03-01-01-01-17.mp4", "59 of this actor's 60 speech films"),
        ("02-01-03-01-01-01-17.mp4", "59 of this actor's 60 speech silent films"),
        ("03-02-03-01-01-01-17.wav", "43 of this actor's 44 song clips"),
    ],
)
def test_a_file_that_was_lost_is_named(tmp_path, lost, said):
    for name in everything(17):
        put(tmp_path, f"Actor_17/{name}.{'wav' if name.startswith('03') else 'mp4'}")
    (tmp_path / "Actor_17" / lost).unlink()
    reading = read("ravdess", tmp_path)
    assert len(reading.table) == 104
    assert reading.unread == [{"path": f"Actor_17/{lost[:-4]}", "reason": f"missing: {said} are here"}]


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("clips", [2, 8])
@pytest.mark.parametrize("truth", [{}, {"missing": 0.3}])
def test_what_is_laid_out_is_read_back(tmp_path, clean, clips, truth):
    layout = layout_spec("ravdess")
    plan = layout.plan(takes(3, clips, layout, **truth), "mine", 3, clean)
    reading = read("mine", lay_out(plan, tmp_path), Layout("ravdess"))
    pd.testing.assert_frame_equal(reading.table, utterance_table(plan.rows))
    assert set(plan.ids.values()) == set(reading.table["utterance_id"]) and len(plan.ids) == 3 * 8 * clips
    unread = reasons(reading)
    planted = [each for each in plan.irregularities if each.seen_by == "adapter"]
    assert all(each.path in unread for each in planted) and bool(planted) != clean
    assert clean == (not plan.irregularities)


def test_the_eighteenth_actor_sings_nothing():
    layout = layout_spec("ravdess")
    plan = layout.plan(takes(17, 8, layout), "ravdess", 0, True)
    sung = {name[-2:] for name in plan.ids.values() if name.startswith("ravdess/02")}
    assert "18" not in sung and len(sung) == 16
    assert len(plan.ids) == 17 * 64 - 4


def features(root, table: pd.DataFrame) -> None:
    (root / "attached").mkdir(exist_ok=True)
    table.to_csv(root / "attached" / "face.csv", index=False)


@pytest.fixture
def two(tmp_path):
    return put(tmp_path, "Actor_01/03-01-02-01-01-01-01.wav", "Actor_01/03-01-03-01-01-01-01.wav")


def test_a_feature_table_joins_by_the_last_six_fields(two):
    names = ["01-01-03-01-01-01-01.mp4", "01-01-02-01-01-01-01"]
    features(two, pd.DataFrame({"AU01": [1, 2], "name": names, "AU02": [0.5, 0.25]}))
    (held,) = attached_features("ravdess", two, read("ravdess", two).table["utterance_id"]).values()
    assert held.names == ("AU01", "AU02")
    assert {each: tokens.tolist() for each, tokens in held.tokens.items()} == {
        "ravdess/01-02-01-01-01-01": [[2, 0.25]],
        "ravdess/01-03-01-01-01-01": [[1, 0.5]],
    }


def test_rows_of_clips_that_are_elsewhere_are_left_out_and_counted(two):
    names = ["01-01-02-01-01-01-01", "01-01-02-01-01-01-24", "01-01-03-01-01-01-24"]
    features(two, pd.DataFrame({"AU01": [1, 2, 3], "name": names}))
    (held,) = attached_features("ravdess", two, read("ravdess", two).table["utterance_id"]).values()
    assert list(held.tokens) == ["ravdess/01-02-01-01-01-01"]
    assert held.foreign == 2


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
    assert attached_features("ravdess", two, read("ravdess", two).table["utterance_id"]) == {}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"clip": ["x"], "AU": [1]}, "no column with the clips' names"),
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
        ({"name": ["01-01-02-01-01-01-01"], "AU": ["high"]}, "do not hold numbers alone, as 'high' in AU"),
        ({"name": ["01-01-02-01-01-01-01"]}, "0 feature"),
    ],
)
def test_a_feature_table_that_does_not_join(two, table, said):
    features(two, pd.DataFrame(table))
    with pytest.raises(CorpusError, match=said):
        attached_features("ravdess", two, read("ravdess", two).table["utterance_id"])


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
    held = read_features(path, "ravdess", ravdess.local_id, ids)
    assert list(held.tokens) == list(ids)
    assert len(held.names) == 36
