"""Names of speakers, sessions, dialogues and labels: one spelling in Unicode, and what differs in case alone."""

import unicodedata

import pytest
from emoflow.corpora import attached_features, read
from emoflow.schema import UNSTATED, Layout

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "Jürgen") for form in ("NFC", "NFD"))


@pytest.fixture
def root(tmp_path):
    return tmp_path / "mylab"


def lay(root, *names, text=""):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def manifest(root, text):
    lay(root, "utterances.csv", text=text)
    return read("mylab", root)


def test_one_speaker_whose_folders_are_of_two_code_points(root):
    paths = f"anger/{COMPOSED}/1.wav", f"joy/{DECOMPOSED}/2.wav"
    lay(root, *paths)
    table = read("mylab", root).table
    assert table["speaker"].tolist() == [f"mylab/{COMPOSED}"] * 2
    assert set(table["audio"]) == set(paths)  # as they lie on disk


def test_a_pattern_matches_either_form(root):
    lay(root, f"{COMPOSED}_anger_1.wav", f"{DECOMPOSED}_joy_2.wav")
    stated = Layout("folder", pattern=rf"(?P<speaker>{COMPOSED})_(?P<label>\w+)_\d\.wav")
    table = read("mylab", root, stated).table
    assert table["speaker"].tolist() == [f"mylab/{COMPOSED}"] * 2


def test_every_name_of_a_manifest(root):
    form = "id,speaker,session,dialogue,label,raters\n"
    rows = [
        f'a{number},{name},{name},{name},{name},"{{""{name}"": [""{name}""]}}"\n'
        for number, name in enumerate((COMPOSED, DECOMPOSED))
    ]
    table = manifest(root, form + "".join(rows)).table
    for column in ("speaker", "session", "dialogue", "label_raw", "raters"):
        assert table[column].nunique() == 1, column
        assert unicodedata.is_normalized("NFC", table[column].iloc[0])


@pytest.mark.parametrize(("written", "stated"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_a_stated_label_of_other_code_points(root, written, stated):
    lay(root, f"{written}/1.wav")
    table = read("mylab", root, Layout("folder", labels={stated: "contempt"})).table
    assert table["label"].tolist() == ["contempt"]


@pytest.mark.parametrize(("named", "lies"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
@pytest.mark.parametrize("column", ["audio", "file"])
def test_a_manifest_names_a_file_in_the_other_form(root, named, lies, column):
    lay(root, f"audio/{lies}.wav")
    reading = manifest(root, f"id,{column}\na1,audio/{named}.wav\n")
    assert reading.table["audio"].tolist() == [f"audio/{lies}.wav"]
    assert reading.unread == []


@pytest.mark.parametrize(("named", "lies"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_a_manifest_whose_ids_are_files_in_the_other_form(root, named, lies):
    lay(root, f"audio/{lies}.wav")
    reading = manifest(root, f"id,label\n{named},joy\n")
    assert reading.table["audio"].tolist() == [f"audio/{lies}.wav"]
    assert reading.unread == []


@pytest.mark.parametrize(("named", "lies"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_features_that_name_a_clip_in_the_other_form(root, named, lies):
    lay(root, f"joy/{lies}.wav", f"joy/{COMPOSED}2.wav")
    lay(root, "attached/gesture.csv", text=f"name,g1\njoy/{named},1\n{COMPOSED}2,2\n")
    ids = read("mylab", root).table["utterance_id"]
    assert len(attached_features("mylab", root, ids)["gesture"]) == 2


def test_names_that_differ_in_case_alone_are_said_and_kept(root):
    lay(root, "joy/Anna/1.wav", "joy/anna/2.wav", "joy/bert/3.wav", "Lies/bert/4.wav", "lies/bert/5.wav")
    reading = read("mylab", root, UNSTATED)
    assert reading.table["speaker"].nunique() == 3
    assert reading.unread == [
        {
            "path": "label_raw",
            "reason": "1 name(s) written in several ways, taken as different ones: Lies and lies",
        },
        {
            "path": "speaker",
            "reason": "1 name(s) written in several ways, taken as different ones: Anna and anna",
        },
    ]


def test_known_labels_may_be_written_in_any_case(root):
    lay(root, "joy/Anna/1.wav", "Joy/Anna/2.wav")
    assert read("mylab", root).unread == []
