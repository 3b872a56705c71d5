"""Any corpus that is a folder of recordings."""

import shutil

import pandas as pd
import pytest
from emoflow.corpora import adapter, layout_of, read
from emoflow.corpora.adapter_interface import utterance_table
from emoflow.corpora.adapters import folder
from emoflow.corpora.describe.durations import durations
from emoflow.errors import CorpusError
from emoflow.schema import EMOTIONS, UNSTATED, Layout
from emoflow.synthesis.layouts import layout_spec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from laid_out import lay_out, takes


@pytest.fixture
def root(tmp_path):
    return tmp_path / "mylab"


def lay(root, *names, text=""):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def rows(root, stated=UNSTATED):
    return [row.dropna().to_dict() for _, row in read("mylab", root, stated).table.iterrows()]


def test_labels_are_folders_in_any_language_and_case(root):
    lay(root, "ANGRY/1.wav", "Freude/1.wav", "suru/1.wav", "lies/1.wav")
    assert [(row["utterance_id"], row.get("label"), row["label_raw"]) for row in rows(root)] == [
        ("mylab/ANGRY/1", "anger", "ANGRY"),
        ("mylab/Freude/1", "happiness", "Freude"),
        ("mylab/lies/1", None, "lies"),
        ("mylab/suru/1", "sadness", "suru"),
    ]
    stated = Layout("folder", labels={"lies": "contempt"}, language="fi")
    assert {
        (row["label_raw"], row["language"]) for row in rows(root, stated) if row["label"] == "contempt"
    } == {("lies", "fi")}


def test_all_of_one_name_is_one_utterance(root):
    lay(root, "joy/a.wav", "joy/a.MP4", "joy/b.mov")
    lay(root, "joy/a.txt", text="\ufeffNo, “so”.\r\n")
    assert rows(root) == [
        {
            "utterance_id": "mylab/joy/a", "corpus": "mylab", "audio": "joy/a.wav", "video": "joy/a.MP4",
            "text": "No, “so”.", "label_raw": "joy", "label": "happiness",
        },
        {
            "utterance_id": "mylab/joy/b", "corpus": "mylab", "video": "joy/b.mov", "label_raw": "joy",
            "label": "happiness",
        },
    ]  # fmt: skip


def test_films_of_a_real_corpus_that_end_in_mpg(root, corpora):
    (root / "neutral").mkdir(parents=True)
    for film in (corpora / "video").glob("*.mpg"):
        shutil.copy(film, root / "neutral" / film.name)
    reading = read("mylab", root)
    assert reading.table["video"].tolist() == [
        f"neutral/{name}.mpg" for name in ("bbaf2n", "brbk7n", "lbax4n")
    ]
    assert reading.unread == []
    assert durations(reading.table, root, workers=1).between(2.5, 3.5).all()


def test_speakers_below_or_above_the_labels(root, tmp_path):
    lay(root, "joy/anna/1.wav", "anger/bert/1.wav")
    assert {(row["speaker"], row["label"]) for row in rows(root)} == {
        ("mylab/anna", "happiness"), ("mylab/bert", "anger"),
    }  # fmt: skip
    other = tmp_path / "other"
    lay(other, "anna/joy/1.wav", "bert/anger/1.wav")
    assert {(row["speaker"], row["label"]) for row in rows(other)} == {
        ("mylab/anna", "happiness"), ("mylab/bert", "anger"),
    }  # fmt: skip


def test_a_pattern_with_named_groups(root):
    lay(root, "s1/d2_anger_hi_3.wav", "s1/README.md", "s2/d1_x.wav", "s2/d1_joy_lo_0.wav")
    pattern = r"(?P<speaker>s\d)/(?P<dialogue>d\d)_(?P<label>[a-z]+)_(?P<intensity>..)_(?P<turn>\d)\.wav"
    reading = read("mylab", root, Layout("folder", pattern=pattern))
    first = reading.table.iloc[0].dropna().to_dict()
    assert first == {
        "utterance_id": "mylab/s1/d2_anger_hi_3", "corpus": "mylab", "speaker": "mylab/s1", "dialogue": "mylab/d2",
        "turn": 3, "audio": "s1/d2_anger_hi_3.wav", "label_raw": "anger", "label": "anger", "intensity": "strong",
    }  # fmt: skip
    assert [each["path"] for each in reading.unread] == ["s1/README.md", "s2/d1_x.wav"]
    assert "does not match it as a whole" in reading.unread[1]["reason"]


def test_a_pattern_joins_folders_of_media_by_id(root):
    lay(root, "audio/a1_joy.wav", "video/a1_joy.mp4", "video/a1_fear.mp4")
    pattern = r"(audio|video)/(?P<id>\w+)_(?P<label>\w+)\.\w+"
    reading = read("mylab", root, Layout("folder", pattern=pattern))
    (row,) = [row.dropna().to_dict() for _, row in reading.table.iterrows()]
    assert (row["utterance_id"], row["audio"], row["video"]) == (
        "mylab/a1", "audio/a1_joy.wav", "video/a1_joy.mp4",
    )  # fmt: skip
    assert "tells otherwise of a1" in reading.unread[0]["reason"]


def test_a_pattern_that_backtracks_without_end_is_stopped_and_named(root, monkeypatch):
    monkeypatch.setattr(folder, "MATCH_S", 0.1)
    lay(root, "a" * 60 + ".wav")
    with pytest.raises(CorpusError, match=r"takes more than .*a repetition\s+inside a repetition"):
        rows(root, Layout("folder", pattern="(?P<label>(?:a|aa)+)b"))


def test_what_is_not_read_is_listed(root):
    lay(root, "joy/1.wav", "joy/1.flac", "joy/2.txt", "joy/3.pdf", "4.wav", "a/b/c/5.wav", "joy/._1.wav")
    lay(root, "truth/displays.parquet", "truth/request.json")
    assert {
        each["path"]: each["reason"].split(";")[0].split(":")[0] for each in read("mylab", root).unread
    } == {
        "joy/1.flac": "the same audio as joy/1.wav, which is taken",
        "joy/2.txt": "a text with no recording of its name beside it",
        "joy/3.pdf": "not a recording",
        "4.wav": "lies at the top",
        "a/b/c/5.wav": "lies 3 folders deep",
        "._*": "1 file(s) that an operating system or git left (._*, .DS_Store, .git), not recordings",
    }


@pytest.mark.parametrize(
    ("names", "stated", "said"),
    [
        ([], Layout(), "it is empty"),
        (["notes.docx"], Layout(), "it holds notes.docx"),
        (["all.zip"], Layout(), "unpack them there first"),
        (["labels.csv"], Layout(), r"labels\.csv: a table that describes a corpus is named utterances\.csv"),
        (["1.wav"], Layout(), "it has 1.wav"),
        (["in/depth/joy/a/1.wav", "in/depth/fear/a/1.wav"], Layout(), r"lie in in/depth and below: give .*in/depth"),
        (["set/joy/1.wav", "set/fear/1.wav"], Layout(), r"lie in its folder set: give .*/set; or"),
        (["joy/1.wav"], Layout(pattern=r"(?P<label>x)"), r"matches none of its recordings: joy/1\.wav"),
        (["joy/1.wav"], Layout(pattern=r"(?P<label>.+)/(?P<take>.+)"), r"names the group\(s\) take; it may name label"),
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be(root, names, stated, said):
    root.mkdir()
    lay(root, *names)
    with pytest.raises(CorpusError, match=said):
        read("mylab", root, stated)


def test_a_turn_that_is_no_number(root):
    lay(root, "joy_x.wav", "joy_1.wav", "joy_12345678901234567890.wav")
    reading = read("mylab", root, Layout(pattern=r"(?P<label>[a-z]+)_(?P<turn>\w+)\.wav"))
    assert [each["path"] for each in reading.unread] == ["joy_12345678901234567890.wav", "joy_x.wav"]
    assert all("which is not a number of up to nine digits" in each["reason"] for each in reading.unread)


def test_links_that_leave_the_corpus(root, tmp_path):
    lay(root, "joy/1.wav")
    lay(tmp_path, "outside.wav")
    (root / "joy" / "2.wav").symlink_to(root / "joy" / "1.wav")
    assert len(rows(root)) == 2
    (root / "joy" / "3.wav").symlink_to(tmp_path / "outside.wav")
    with pytest.raises(CorpusError, match=r"1 link\(s\) in it lead out of the corpus .*: joy/3\.wav"):
        read("mylab", root)


def test_names_of_clips():
    local_id = adapter("folder").local_id
    assert [local_id(name) for name in ("joy/a.wav", "./joy/a", "joy\\a.mp4", " ")] == ["joy/a"] * 3 + [None]


def test_a_corpus_nobody_knows_is_a_manifest_or_a_folder(root):
    lay(root, "joy/1.wav")
    assert layout_of("mylab", root) == "folder"
    lay(root, "utterances.csv")
    assert layout_of("mylab", root) == "manifest"


names = st.from_regex(r"[A-Za-z0-9]{1,6}", fullmatch=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(st.sets(st.tuples(st.sampled_from(EMOTIONS), names, names), min_size=1, max_size=12))
def test_every_recording_is_one_utterance(tmp_path_factory, planted):
    root = tmp_path_factory.mktemp("any")
    lay(root, *(f"{label}/{speaker}/{name}.wav" for label, speaker, name in planted))
    found = read("mylab", root)
    assert {each["path"] for each in found.unread} <= {"speaker"}  # names that differ in case alone
    assert {(row["label"], row["speaker"], row["audio"]) for row in found.table.to_dict("records")} == {
        (label, f"mylab/{speaker}", f"{label}/{speaker}/{name}.wav") for label, speaker, name in planted
    }


@pytest.mark.parametrize("layout", ["folder", "manifest"])
@pytest.mark.parametrize("language", ["en", "fi", "de"])
def test_labels_of_any_language_are_read_as_what_was_planted(tmp_path, layout, language):
    held = layout_spec(layout)
    plan = held.plan(takes(4, 2, held, language=language, missing=0.3, raters=3), "mylab", 1, False)
    stated = Layout(layout, language=None if language == "en" else language)
    reading = read("mylab", lay_out(plan, tmp_path / "mylab"), stated)
    pd.testing.assert_frame_equal(reading.table, utterance_table(plan.rows))
    unread = {each["path"] for each in reading.unread}
    assert {each.path for each in plan.irregularities if each.seen_by == "adapter"} <= unread


def test_folders_of_speaker_and_label_in_one_name(root):
    words = ("OAF_Pleasant_surprise", "OAF_Fear", "YAF_pleasant_surprised", "YAF_fear")
    lay(root, *(f"{word}/{word}_back.wav" for word in words))
    assert [row["label"] for row in rows(root)] == ["fear", "surprise", "fear", "surprise"]


def test_speakers_whose_names_hold_an_emotion_stay_speakers(root):
    lay(root, "Joy Smith/anger/1.wav", "Joy Smith/sad/2.wav", "Ben/anger/1.wav")
    assert {row["speaker"] for row in rows(root)} == {"mylab/Joy Smith", "mylab/Ben"}
