"""CREMA-D's layout, names, faulty recordings, demographics and votes."""

import json

import pandas as pd
import pytest
from emoflow.corpora import read
from emoflow.corpora.adapter_interface import utterance_table
from emoflow.corpora.adapters.crema_d import adapter as crema_d
from emoflow.errors import CorpusError
from emoflow.schema import EMOTIONS, UTTERANCE_COLUMNS, Layout
from emoflow.synthesis.layouts import layout_spec
from hypothesis import given
from hypothesis import strategies as st
from laid_out import lay_out, takes

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"5e" * 32 + b"\nsize 86530\n"
DEMOGRAPHICS = '"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,"Male","Caucasian","Not Hispanic"\n'
FINAL = (
    '"","localid","pos","ans","ttr","queryType","numTries","clipNum","questNum","subType","clipName","sessionNums",'
    '"respEmo","respLevel","dispEmo","dispVal","dispLevel"\n'
)
FIRST = '"","localid","sessionNums","queryType","questNum","pos","ttr","numTries","clipNum","clipName"\n'


def put(root, *paths, content=b"RIFF"):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def write(root, name, text):
    put(root, name, content=text.encode())


def answer(participant, query, clip, letter, *, session=1, question=1):
    asked = f'{query},0,1,{question},4,"{clip}",{session}'
    return f'"7","{participant}",3,"{letter}_60",800,{asked},"{letter}","60","A",50,"XX"\n'


def reasons(reading) -> dict[str, str]:
    return {each["path"]: each["reason"] for each in reading.unread}


@pytest.fixture
def one(tmp_path):
    put(tmp_path, "AudioWAV/1001_DFA_ANG_XX.wav", "VideoFlash/1001_DFA_ANG_XX.flv")
    write(tmp_path, "VideoDemographics.csv", DEMOGRAPHICS)
    return tmp_path


def raters(root) -> dict:
    return json.loads(read("crema-d", root).table["raters"].item())


def test_a_row(one):
    reading = read("crema-d", one)
    assert list(reading.table.columns) == list(UTTERANCE_COLUMNS)
    assert reading.table.iloc[0].dropna().to_dict() == {
        "utterance_id": "crema-d/1001_DFA_ANG_XX",
        "corpus": "crema-d",
        "speaker": "crema-d/1001",
        "speaker_gender": "male",
        "speaker_age": 51,
        "elicitation": "scripted",
        "audio": "AudioWAV/1001_DFA_ANG_XX.wav",
        "video": "VideoFlash/1001_DFA_ANG_XX.flv",
        "text": "Don't forget a jacket.",
        "language": "en",
        "label_raw": "ANG",
        "label": "anger",
    }
    assert reading.unread == []


@pytest.mark.parametrize(("level", "intensity"), [("LO", "low"), ("MD", "normal"), ("HI", "strong")])
def test_levels(tmp_path, level, intensity):
    put(tmp_path, f"AudioWAV/1091_IEO_SAD_{level}.wav")
    assert read("crema-d", tmp_path).table["intensity"].item() == intensity


def test_sound_alone_and_film_alone(tmp_path):
    put(tmp_path, "AudioWAV/1001_DFA_ANG_XX.wav", "VideoFlash/1001_DFA_SAD_XX.flv")
    table = read("crema-d", tmp_path).table
    assert table["audio"].isna().tolist() == [False, True] and table["video"].isna().tolist() == [True, False]


def test_a_name_with_a_letter_too_few(tmp_path):
    put(tmp_path, "AudioWAV/1040_ITH_SAD_X.wav", "VideoFlash/1040_ITH_SAD_XX.flv")
    row = read("crema-d", tmp_path).table.iloc[0]
    assert row["utterance_id"] == "crema-d/1040_ITH_SAD_XX"
    assert row["audio"] == "AudioWAV/1040_ITH_SAD_X.wav" and row["video"] == "VideoFlash/1040_ITH_SAD_XX.flv"


def test_pointers_are_told_from_recordings(one):
    put(one, "AudioWAV/1001_DFA_SAD_XX.wav", content=POINTER)
    put(one, "AudioWAV/1001_DFA_HAP_XX.wav", content=b"version of something else")
    reading = read("crema-d", one)
    assert list(reading.table["label"]) == ["anger", "happiness"]
    said = reasons(reading)["AudioWAV/1001_DFA_SAD_XX.wav"]
    assert "a Git LFS pointer" in said and "git lfs pull, or emoflow corpora fetch crema-d" in said


def test_pointers_alone_are_no_corpus(tmp_path):
    put(tmp_path, "AudioWAV/1001_DFA_SAD_XX.wav", "AudioWAV/1001_DFA_ANG_XX.wav", content=POINTER)
    with pytest.raises(CorpusError, match="each of the 2 recordings here is a Git LFS pointer"):
        read("crema-d", tmp_path)


def test_known_bad_recordings_are_no_media(tmp_path):
    good = "AudioWAV/1076_MTI_NEU_XX.wav"
    put(tmp_path, good, *crema_d.KNOWN_BAD)
    reading = read("crema-d", tmp_path)
    assert reading.table["audio"].tolist() == [good] and reading.table["video"].isna().all()
    assert set(crema_d.KNOWN_BAD) <= set(reasons(reading))


def test_what_lies_beside_is_counted(one):
    put(
        one,
        "AudioMP3/1001_DFA_ANG_XX.mp3",
        "AudioMP3/1001_DFA_SAD_XX.mp3",
        "README.md",
        ".git/config",
        ".git/HEAD",
    )
    unread = reasons(read("crema-d", one))
    assert set(unread) == {"AudioMP3", "README.md", "._*"} and unread["AudioMP3"].startswith("2 file(s)")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("AudioWAV/1092_DFA_ANG_XX.wav", "actor is 1092; it must be 1001 to 1091"),
        ("AudioWAV/1001_ABC_ANG_XX.wav", "sentence is 'ABC'"),
        ("AudioWAV/1001_DFA_SUR_XX.wav", "emotion is 'SUR'; it must be one of ANG"),
        ("AudioWAV/1001_DFA_ANG_ZZ.wav", "say 1001_DFA_ANG_XX"),
        ("AudioWAV/1001_DFA_SAD_XX.flv", "AudioWAV holds .wav files"),
        ("1001_DFA_SAD_XX.wav", "lies in the root"),
    ],
)
def test_what_is_not_read_is_listed_with_its_reason(one, path, said):
    reading = read("crema-d", put(one, path))
    assert len(reading.table) == 1 and said in reasons(reading)[path]


def test_a_recording_that_most_clips_have_is_missed(tmp_path):
    for emotion in ("ANG", "SAD", "HAP"):
        put(tmp_path, f"AudioWAV/1001_DFA_{emotion}_XX.wav", f"VideoFlash/1001_DFA_{emotion}_XX.flv")
    (tmp_path / "VideoFlash/1001_DFA_SAD_XX.flv").unlink()
    assert (
        reasons(read("crema-d", tmp_path))["VideoFlash/1001_DFA_SAD_XX.flv"]
        == "missing: AudioWAV has this clip"
    )


def test_no_demographics_and_odd_ones(one):
    write(one, "VideoDemographics.csv", DEMOGRAPHICS.replace("Male", "X"))
    assert "1001: x" in reasons(read("crema-d", one))["VideoDemographics.csv"]
    write(one, "VideoDemographics.csv", DEMOGRAPHICS.replace("51", "old"))
    reading = read("crema-d", one)
    assert "1001: old" in reasons(reading)["VideoDemographics.csv"]
    assert reading.table["speaker_age"].isna().all() and reading.table["speaker_gender"].notna().any()
    (one / "VideoDemographics.csv").unlink()
    reading = read("crema-d", one)
    assert (
        reading.table["speaker_gender"].isna().all()
        and "missing" in reasons(reading)["VideoDemographics.csv"]
    )


def test_answers_by_ear_by_eye_and_by_both(one):
    clip = "1001_DFA_ANG_XX"
    lines = [
        answer(5, 1, clip, "A"),
        answer(6, 2, clip, "D"),
        answer(7, 3, f"{clip}.flv", "A"),
        answer(8, 3, clip, "F"),
    ]
    write(one, "finishedResponses.csv", FINAL + "".join(lines))
    assert raters(one) == {
        "audio-5": ["anger"],
        "face-6": ["disgust"],
        "both-7": ["anger"],
        "both-8": ["fear"],
    }


def test_answers_that_came_late_are_left_out_as_the_authors_do(one):
    clip = "1001_DFA_ANG_XX"
    lines = [answer(5, 1, clip, "A", session=1, question=4), answer(5, 2, clip, "D", session=1, question=4)]
    write(one, "finishedResponses.csv", FINAL + "".join(lines))
    write(
        one,
        "finishedEmoResponses.csv",
        f'{FIRST}"1","5",1,1,4,1,10001,0,1,"{clip}"\n"2","5",1,2,4,1,10000,0,1,"{clip}"\n',
    )
    assert raters(one) == {"face-5": ["disgust"]}
    assert reasons(read("crema-d", one))["finishedResponses.csv"].startswith("1 answer(s) later than 10 s")


def test_answers_that_cannot_be_used_are_counted(one):
    clip = "1001_DFA_ANG_XX"
    lines = [
        answer(5, 1, clip, "A"),
        answer(5, 1, "1002_DFA_ANG_XX", "A"),
        answer(5, 1, clip, "Q"),
        answer(5, 4, clip, "A"),
        answer("", 1, clip, "A"),
        answer(5, 1, "ANG_HI_practice", "A"),
    ]
    write(one, "finishedResponses.csv", FINAL + "".join(lines))
    assert raters(one) == {"audio-5": ["anger"]}
    said = reasons(read("crema-d", one))["finishedResponses.csv"]
    assert "3 answer(s) without a participant" in said and "1 answer(s) to clips that are missing" in said


def test_the_tabulated_votes_serve_where_there_are_no_answers(one):
    table = (
        '"","A","D","F","H","N","S","fileName","numResponses"\n'
        '"100062",1,0,0,0,2,0,"1001_DFA_ANG_XX",3\n"300062",1,0,0,0,0,0,"1001_DFA_ANG_XX",1\n'
    )
    write(one, "processedResults/tabulatedVotes.csv", table)
    assert raters(one) == {
        "audio-01": ["anger"],
        "audio-02": ["neutral"],
        "audio-03": ["neutral"],
        "both-01": ["anger"],
    }


def test_a_table_of_answers_without_its_columns(one):
    write(one, "finishedResponses.csv", "a,b\n1,2\n")
    with pytest.raises(CorpusError, match=r"lacks the column.*localid"):
        read("crema-d", one)


names = st.tuples(
    st.sampled_from([str(actor) for actor in crema_d.ACTORS]),
    st.sampled_from(sorted(crema_d.SENTENCES)),
    st.sampled_from(sorted(crema_d.LABELS)),
    st.sampled_from(sorted(crema_d.INTENSITIES)),
).map("_".join)


@given(names)
def test_a_name_of_the_grammar_is_an_utterance(name):
    assert (
        crema_d.local_id(name)
        == crema_d.local_id(f"VideoFlash/{name}.flv")
        == crema_d.local_id(f"{name}.wav")
        == name
    )


@given(st.text(max_size=20))
def test_other_names_are_not(name):
    assert crema_d.local_id(name) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (".", "but .*/clone does"),
        ("clone/AudioWAV", "but .*/clone does"),
        ("a/zip", "unpack them there first"),
    ],
)
def test_the_wrong_folder_is_told_from_the_right_one(tmp_path, given, said):
    put(tmp_path, "clone/AudioWAV/1001_DFA_ANG_XX.wav", "a/zip/CREMA-D-master.zip")
    with pytest.raises(CorpusError, match=f"is not CREMA-D: .*{said}"):
        read("crema-d", tmp_path / given)


def test_labels_are_words_that_everyone_knows():
    assert set(crema_d.LABELS.values()) <= set(EMOTIONS)


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("truth", [{}, {"missing": 0.3}, {"raters": 5, "agreement": 0.6}])
def test_what_is_laid_out_is_read_back(tmp_path, clean, truth):
    layout = layout_spec("crema-d")
    plan = layout.plan(takes(3, 14, layout, **truth), "mine", 3, clean)
    reading = read("mine", lay_out(plan, tmp_path), Layout("crema-d"))
    pd.testing.assert_frame_equal(reading.table, utterance_table(plan.rows))
    assert len(plan.ids) == len(reading.table) == 3 * 6 * 14
    assert reading.table["raters"].notna().all() == ("raters" in truth)
    planted = {each.path for each in plan.irregularities}
    assert planted <= set(reasons(reading)) and clean == (not planted)


def test_the_tabulated_votes_say_the_same(tmp_path):
    layout = layout_spec("crema-d")
    plan = layout.plan(takes(2, 2, layout, raters=9, agreement=0.6), "mine", 3, False)
    votes = [_votes(read("mine", lay_out(plan, tmp_path), Layout("crema-d")).table)]
    (tmp_path / "finishedResponses.csv").unlink()
    votes.append(_votes(read("mine", tmp_path, Layout("crema-d")).table))
    assert votes[0] == votes[1]


def _votes(table: pd.DataFrame) -> list:
    return [
        sorted((rater.partition("-")[0], *labels) for rater, labels in json.loads(cell).items())
        for cell in table["raters"]
    ]


@pytest.mark.slow
def test_a_faulty_clip_of_the_release_is_no_take():
    layout = layout_spec("crema-d")
    plan = layout.plan(takes(76, 12, layout), "crema-d", 3, True)
    assert not set(plan.recordings) & set(crema_d.KNOWN_BAD)


def test_the_label_that_raters_perceive(tmp_path):
    put(tmp_path, *(f"AudioWAV/1001_DFA_{emotion}_XX.wav" for emotion in ("ANG", "DIS", "FEA", "HAP")))
    said = {"ANG": "SSA", "DIS": "AD", "FEA": "F"}
    lines = [
        answer(rater, 3, f"1001_DFA_{emotion}_XX", letter)
        for emotion, letters in said.items()
        for rater, letter in enumerate(letters)
    ]
    write(tmp_path, "finishedResponses.csv", FINAL + "".join([*lines, answer(9, 1, "1001_DFA_HAP_XX", "H")]))
    intended = read("crema-d", tmp_path).table
    table = read("crema-d", tmp_path, Layout(raters="both")).table
    assert table["label"].fillna("none").tolist() == ["sadness", "none", "fear", "none"]
    assert read("crema-d", tmp_path, Layout(raters="audio")).table["label"].notna().tolist() == [
        False
    ] * 3 + [True]
    pd.testing.assert_frame_equal(table.drop(columns="label"), intended.drop(columns="label"))
    with pytest.raises(CorpusError, match=r"begins with 'ear'; there are 'audio', 'both'"):
        read("crema-d", tmp_path, Layout(raters="ear"))


def test_a_rater_who_gives_two_labels_has_one_vote(tmp_path):
    put(tmp_path, "AudioWAV/1001_DFA_ANG_XX.wav")
    letters = [(1, "A"), (1, "D"), (2, "A"), (3, "D"), (4, "D")]
    lines = [answer(rater, 3, "1001_DFA_ANG_XX", letter) for rater, letter in letters]
    write(tmp_path, "finishedResponses.csv", FINAL + "".join(lines))
    assert read("crema-d", tmp_path, Layout(raters="both")).table["label"].item() == "disgust"


def test_participants_without_a_number_are_numbered(one):
    clip = "1001_DFA_ANG_XX"
    lines = [answer("x7y", 1, clip, "A"), answer("b", 1, clip, "D")]
    write(one, "finishedResponses.csv", FINAL + "".join(lines))
    assert raters(one) == {"audio-0001": ["disgust"], "audio-0002": ["anger"]}
