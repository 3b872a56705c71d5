"""EmoDB's layout and names."""

import pandas as pd
import pytest
from emoflow.corpora import read
from emoflow.corpora.adapter_interface import utterance_table
from emoflow.corpora.adapters import emodb
from emoflow.errors import CorpusError
from emoflow.schema import EMOTIONS, UTTERANCE_COLUMNS, Layout
from emoflow.synthesis.layouts import layout_spec
from hypothesis import given
from hypothesis import strategies as st
from laid_out import lay_out, takes


def put(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"RIFF")
    return root


def test_a_row(tmp_path):
    reading = read("emodb", put(tmp_path, "wav/03a01Fa.wav"))
    assert list(reading.table.columns) == list(UTTERANCE_COLUMNS)
    assert reading.table.iloc[0].dropna().to_dict() == {
        "utterance_id": "emodb/03a01Fa",
        "corpus": "emodb",
        "speaker": "emodb/03",
        "speaker_gender": "male",
        "speaker_age": 31,
        "elicitation": "scripted",
        "audio": "wav/03a01Fa.wav",
        "text": "Der Lappen liegt auf dem Eisschrank.",
        "language": "de",
        "label_raw": "Freude",
        "label": "happiness",
    }
    assert reading.unread == []


def test_the_letters_are_those_of_german_words():
    assert {letter: label for letter, (_, label) in emodb.LABELS.items()} == {
        "W": "anger",
        "L": "boredom",
        "E": "disgust",
        "A": "fear",
        "F": "happiness",
        "T": "sadness",
        "N": "neutral",
    }
    assert {label for _, label in emodb.LABELS.values()} <= set(EMOTIONS)
    women = {number for number, (gender, _) in emodb.SPEAKERS.items() if gender == "female"}
    assert women == {"08", "09", "13", "14", "16"} and len(emodb.SPEAKERS) == 10


names = st.tuples(
    st.sampled_from(sorted(emodb.SPEAKERS)),
    st.sampled_from(sorted(emodb.SENTENCES)),
    st.sampled_from(sorted(emodb.LABELS)),
    st.sampled_from(["", "a", "b", "f"]),
).map("".join)


@given(names)
def test_a_name_of_the_grammar_is_an_utterance(name):
    assert emodb.local_id(name) == emodb.local_id(f"wav/{name}.wav") == emodb.local_id(f" {name}.WAV") == name


@given(st.text(max_size=12))
def test_other_names_are_not(name):
    local = emodb.local_id(name)
    assert local is None or local in name


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("wav/04a01Fa.wav", "speaker is '04'; it must be one of 03, 08"),
        ("wav/03a03Fa.wav", "text is 'a03'; it must be one of a01"),
        ("wav/03a01Xa.wav", "emotion is 'X'; it must be one of W, L"),
        ("wav/noise.wav", "say 03a01Fa; this is 'noise'"),
        ("03a01Wa.wav", "lies in the root, not in wav/"),
        ("silb/03a01Wa.wav", "lies in silb, not in wav/"),
    ],
)
def test_what_is_not_read_is_listed_with_its_reason(tmp_path, path, said):
    reading = read("emodb", put(tmp_path, "wav/03a01Fa.wav", path))
    assert len(reading.table) == 1
    assert [each["path"] for each in reading.unread] == [path]
    assert said in reading.unread[0]["reason"]


def test_what_lies_beside_is_counted(tmp_path):
    put(tmp_path, "wav/03a01Fa.wav", "lablaut/03a01Fa.lablaut", "lablaut/03a01Wa.lablaut", "erkennung.txt")
    unread = {each["path"]: each["reason"] for each in read("emodb", tmp_path).unread}
    assert set(unread) == {"lablaut", "erkennung.txt"} and unread["lablaut"].startswith("2 file(s)")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (".", "but .*/download does; give that folder"),
        ("download/wav", "but .*/download does; give that folder"),
        ("a/b", "it is empty"),
    ],
)
def test_the_wrong_folder_is_told_from_the_right_one(tmp_path, given, said):
    put(tmp_path, "download/wav/03a01Fa.wav")
    (tmp_path / "a/b").mkdir(parents=True)
    with pytest.raises(CorpusError, match=f"is not EmoDB: .*{said}"):
        read("emodb", tmp_path / given)


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize(("speakers", "clips"), [(10, 1), (2, 23)])
def test_what_is_laid_out_is_read_back(tmp_path, clean, speakers, clips):
    layout = layout_spec("emodb")
    plan = layout.plan(takes(speakers, clips, layout), "mine", 5, clean)
    reading = read("mine", lay_out(plan, tmp_path), Layout("emodb"))
    pd.testing.assert_frame_equal(reading.table, utterance_table(plan.rows))
    assert len(plan.ids) == len(reading.table) == speakers * 7 * clips
    assert reading.table["speaker"].nunique() == speakers
    assert {each.path for each in plan.irregularities} == {each["path"] for each in reading.unread}
    assert clean == (not plan.irregularities)
