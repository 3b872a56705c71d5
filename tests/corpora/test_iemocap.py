"""IEMOCAP's layout, its documents and their faults; read back from what was planted in it."""

import json

import numpy as np
import pandas as pd
import pytest
from emoflow import media
from emoflow.corpora import read
from emoflow.corpora.adapter_interface import utterance_table
from emoflow.corpora.adapters.iemocap import adapter as iemocap
from emoflow.corpora.adapters.iemocap import annotations as iemocap_documents
from emoflow.errors import CorpusError
from emoflow.schema import EMOTIONS, UTTERANCE_COLUMNS, Layout
from emoflow.synthesis.control_corpus import synthesise
from emoflow.synthesis.layouts import layout_spec
from hypothesis import given
from hypothesis import strategies as st
from laid_out import lay_out, takes

SPEC = layout_spec("iemocap")
EVALUATION = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.0000, 4.5000]
C-E2:\tNeutral;\t()
C-E3:\tNeutral; Anger;\t(unsure: calm; then not)
C-E4:\tOther;\t(bored)
C-F1:\tExcited;\t()
A-E3:\tval 3; act 2; dom  2;\t()
A-F1:\tval 3; act 2; dom  1;\t()

[10.0100 - 11.3925]\tSes01F_impro01_M000\txxx\t[3.0000, 3.0000, 3.0000]
C-E2:\tFrustration;\t()
"""
TRANSCRIPT = """Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
Ses01F_impro01_M000 [010.0100-011.3925]: Do you have your forms?
"""


def put(root, content=b"", *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def documents(root, evaluation=EVALUATION, transcript=TRANSCRIPT, dialogue="Ses01F_impro01"):
    session = f"Session{int(dialogue[3:5])}"
    put(root, evaluation, f"{session}/dialog/EmoEvaluation/{dialogue}.txt")
    return put(root, transcript, f"{session}/dialog/transcriptions/{dialogue}.txt")


def wavs(root, *names):
    folder = "Session{}/sentences/wav/{}/{}.wav"
    return put(root, b"", *(folder.format(int(name[3:5]), name.rpartition("_")[0], name) for name in names))


@pytest.fixture
def small(tmp_path):
    """Two turns of one dialogue, all of whose files are there."""
    wavs(documents(tmp_path), "Ses01F_impro01_F000", "Ses01F_impro01_M000")
    return put(tmp_path, b"", "Session1/dialog/avi/DivX/Ses01F_impro01.avi")


def reasons(root, *, but_sessions=True) -> dict[str, str]:
    unread = {each["path"]: each["reason"] for each in read("iemocap", root).unread}
    if but_sessions:
        unread = {path: said for path, said in unread.items() if path not in iemocap.SESSIONS}
    return unread


def test_a_row(small):
    table = read("iemocap", small).table
    assert list(table.columns) == list(UTTERANCE_COLUMNS)
    first, second = (row.dropna().to_dict() for _, row in table.iterrows())
    raters = {
        "C-E2": ["neutral"],
        "C-E3": ["neutral", "anger"],
        "C-E4": ["other"],
        "C-F1": ["excitement"],
    }
    assert json.loads(first.pop("raters")) == raters
    assert first == {
        "utterance_id": "iemocap/Ses01F_impro01_F000",
        "corpus": "iemocap",
        "speaker": "iemocap/Ses01F",
        "speaker_gender": "female",
        "session": "iemocap/Ses01",
        "dialogue": "iemocap/Ses01F_impro01",
        "elicitation": "improvised",
        "turn": 0,
        "start_s": 6.2901,
        "end_s": 8.2357,
        "audio": "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
        "video": "Session1/dialog/avi/DivX/Ses01F_impro01.avi#t=6.2901,8.2357&xywh=percent:0,0,50,100",
        "text": "Excuse me.",
        "language": "en",
        "label_raw": "neu",
        "label": "neutral",
        "valence": -0.25,
        "arousal": -0.5,
        "dominance": 0.75,
    }
    assert second["speaker"] == "iemocap/Ses01M" and second["speaker_gender"] == "male"
    assert second["label_raw"] == "xxx" and "label" not in second and second["turn"] == 1
    assert second["video"].endswith("#t=10.01,11.3925&xywh=percent:50,0,50,100")
    assert reasons(small) == {}


def test_a_cut_that_somebody_made_goes_before_the_film(small):
    cut = "Session1/sentences/avi/Ses01F_impro01/Ses01F_impro01_M000.mp4"
    stray = "Session1/sentences/avi/Ses01F_impro01/Ses01F_impro01_M007.mp4"
    put(small, b"", cut, stray)
    assert read("iemocap", small).table["video"].tolist()[1] == cut
    assert reasons(small) == {stray: "a picture of what was neither recorded nor labelled"}


def test_without_a_film_there_is_no_picture(tmp_path):
    wavs(documents(tmp_path), "Ses01F_impro01_F000", "Ses01F_impro01_M000")
    assert read("iemocap", tmp_path).table["video"].isna().all()


names = st.builds(
    "Ses{:02d}{}_{}_{}{:03d}".format,
    st.integers(1, 5),
    st.sampled_from("FM"),
    st.sampled_from(["impro01", "impro05a", "script01_1", "script03_2", "script01_1b"]),
    st.sampled_from(["F", "M", "FXX", "MXX"]),
    st.integers(0, 199),
)


@given(names)
def test_the_talker_is_the_letter_of_the_utterance(name):
    wearer, talker = name[5], name.rpartition("_")[2][0]
    assert iemocap.half(name) == iemocap.half(f"mine/{name}") == ("left" if wearer == talker else "right")
    assert iemocap.local_id(name) == iemocap.local_id(f"Session1/sentences/wav/x/{name}.wav") == name


@given(st.text(max_size=30))
def test_other_names_are_no_utterance(name):
    if iemocap.local_id(name) is None:
        with pytest.raises(ValueError, match="not an utterance of IEMOCAP"):
            iemocap.half(name)
    else:
        assert iemocap.local_id(name) in name


def test_labels_are_words_that_everyone_knows():
    assert {label for label in iemocap.LABELS.values() if label} <= set(EMOTIONS)
    assert set(iemocap_documents.RATED.values()) <= set(EMOTIONS)
    assert len(iemocap.FILM_TOO_SHORT) == 18
    assert all(iemocap.local_id(name) == name for name in iemocap.FILM_TOO_SHORT)


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("truth", [{}, {"raters": 3, "agreement": 0.5}, {"missing": 0.3}])
@pytest.mark.parametrize("language", ["en", "fi"])
def test_what_was_planted_is_read_back(tmp_path, clean, truth, language):
    plan = SPEC.plan(takes(4, 2, SPEC, language=language, **truth), "iemocap", 7, clean)
    reading = read("iemocap", lay_out(plan, tmp_path), Layout(language=language))
    pd.testing.assert_frame_equal(reading.table, utterance_table(plan.rows))
    named = {each["path"] for each in reading.unread}
    assert {each.path for each in plan.irregularities if each.seen_by == "adapter"} <= named
    if clean:
        assert not plan.irregularities
        said = {each["reason"] for each in reading.unread if each["path"] not in iemocap.SESSIONS}
        assert bool(said) == ("missing" in truth)
        assert all("missing" in each or "is left out" in each for each in said)
    if "raters" in truth:
        unsure = reading.table["label_raw"] == "xxx"
        assert unsure.any() and not unsure.all()
        assert reading.table["label"].isna().equals(unsure)


def test_every_irregularity_that_is_planted_has_a_name_of_its_own():
    plan = SPEC.plan(takes(2, 1, SPEC), "iemocap", 7, False)
    assert {each.kind for each in plan.irregularities} == {
        "malformed transcript line",
        "resource file",
        "folder that is not used",
        "film ends before its last turn",
    }


def test_the_name_of_the_corpus_is_the_callers(small):
    table = read("mine", small, Layout(layout="iemocap", language="fi")).table
    assert table["utterance_id"].str.startswith("mine/").all()
    assert table["dialogue"].str.startswith("mine/").all() and table["language"].eq("fi").all()


TURN = "[10.0100 - 11.3925]\tSes01F_impro01_M000\txxx\t[3.0000, 3.0000, 3.0000]"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (TURN.replace("[3.0000, 3.0000, 3.0000]", "[3.0000, 3.0000]"), "line 11: no turn is written so"),
        (TURN.replace("10.0100", "ten"), "line 11: no turn is written so"),
        (TURN.replace("xxx", "joy"), "line 11: no label of IEMOCAP's is 'joy'"),
        (
            TURN.replace("10.0100", "12.5"),
            "line 11: Ses01F_impro01_M000 ends before it begins, 12.5 to 11.39",
        ),
        (TURN.replace("[3.0000,", "[7.5000,"), r"line 11: Ses01F_impro01_M000 is rated \(7.5, 3.0, 3.0\)"),
        (TURN.replace("Ses01F_impro01_M000", "Ses01F_impro02_M000"), "is not an utterance of this dialogue"),
        (TURN.replace("Ses01F_impro01_M000", "Ses01F_impro01_X000"), "is not an utterance of this dialogue"),
        (
            TURN.replace("M000", "F000"),
            "line 11: Ses01F_impro01_F000 is rated a second time; line 3 is taken",
        ),
        (f"{TURN}\nC-E3:\t;\t()", "line 12: no rater's labels: 'C-E3:"),
        (f"{TURN}\nwhat", "line 12: no rater's labels: 'what'"),
    ],
)
def test_a_line_of_an_evaluation_that_cannot_be(small, line, said):
    documents(small, evaluation=EVALUATION.replace(TURN, line))
    path = "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    assert pd.Series([reasons(small)[path]]).str.contains(said).all(), reasons(small)[path]


@pytest.mark.parametrize(
    ("read_lines", "line"),
    [
        (iemocap_documents.turns, "C-E1:{})x"),
        (iemocap_documents.turns, "[{}x"),
        (iemocap_documents.transcripts, "Ses01{}x"),
        (iemocap_documents.transcripts, "Ses01 [1.0{}x"),
    ],
)
@pytest.mark.parametrize("many", [" ", "1"])
def test_a_long_line_that_is_nothing_is_read_without_backtracking(read_lines, line, many):
    """So long that a pattern which goes back over it would not end before pytest's own limit."""
    found, faults = read_lines(line.format(many * 1_000_000).encode())
    assert not found and len(faults) == 1


def test_a_rater_before_any_turn(small):
    documents(small, evaluation="C-E2:\tNeutral;\t()\n" + EVALUATION)
    assert "line 1: a rater's labels of no turn" in str(reasons(small))


def test_reversed_times_are_kept_and_told_and_cut_nothing(small):
    documents(small, evaluation=EVALUATION.replace("[6.2901 - 8.2357]", "[8.2357 - 6.2901]"))
    row = read("iemocap", small).table.iloc[0]
    assert (row["start_s"], row["end_s"]) == (8.2357, 6.2901) and pd.isna(row["video"])
    assert "cannot be cut out of it, from 8.2357 to 6.2901 s" in str(reasons(small))


@pytest.mark.parametrize(
    ("line", "text", "said"),
    [
        ("Ses01F_impro01_F000 [006.2901-008.2357: Excuse me.", "Excuse me.", "read all the same"),
        ("Ses01F_impro01_F000 006.2901-008.2357]: Excuse me.", "Excuse me.", "read all the same"),
        ("M: Excuse me.", None, "line 1: malformed, left out: 'M: Excuse me.'"),
        ("Ses01F_impro01_F000: Excuse me.", None, "line 1: malformed, left out"),
        ("Ses01F_impro01_F000 [006.2901-008.2357]:", None, None),
    ],
)
def test_a_line_of_a_transcript_that_is_malformed(small, line, text, said):
    documents(small, transcript="\n".join([line, *TRANSCRIPT.split("\n")[1:]]))
    assert read("iemocap", small).table["text"].tolist()[0] == text or text is None
    assert read("iemocap", small).table["text"].notna().tolist() == [text is not None, True]
    told = reasons(small).get("Session1/dialog/transcriptions/Ses01F_impro01.txt", "")
    assert said in told if said else told == ""


def test_every_malformed_line_is_counted(small):
    documents(small, transcript=TRANSCRIPT + "M: [LAUGHTER]\n" * 12)
    told = reasons(small)["Session1/dialog/transcriptions/Ses01F_impro01.txt"]
    assert told.startswith("12 fault(s): line 3: ") and told.endswith("… and 2 more")


def test_utterances_named_xx(small):
    """They are laughter and breath; some were cut out and rated, and others are in the transcripts alone."""
    turn = TURN.replace("M000", "MXX1").replace("10.0100 - 11.3925", "20.0 - 21.5")
    stray = "Ses01F_impro01_FXX0 [030.0000-031.0000]: [LAUGHTER]\n"
    documents(small, evaluation=f"{EVALUATION}\n{turn}\n", transcript=TRANSCRIPT + stray)
    wavs(small, "Ses01F_impro01_MXX1")
    table = read("iemocap", small).table.set_index("utterance_id")
    row = table.loc["iemocap/Ses01F_impro01_MXX1"]
    assert row["speaker"] == "iemocap/Ses01M" and row["turn"] == 2 and len(table) == 3
    told = reasons(small)["Session1/dialog/transcriptions/Ses01F_impro01.txt"]
    assert "line 3: Ses01F_impro01_FXX0 was neither recorded nor labelled, left out" in told


def test_a_wav_without_a_label_and_a_label_without_a_wav(small):
    wavs(small, "Ses01F_impro01_M004")
    (small / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav").unlink()
    table = read("iemocap", small).table.set_index("utterance_id")
    assert table["label_raw"].isna().tolist() == [False, False, True]
    assert table["audio"].isna().tolist() == [False, True, False]
    assert table["turn"].isna().tolist() == [False, False, True]
    folder = "Session1/sentences/wav/Ses01F_impro01"
    told = reasons(small)
    assert told.pop("Session1/dialog/transcriptions/Ses01F_impro01.txt").endswith("M004 is left out")
    assert told == {
        f"{folder}/Ses01F_impro01_M000.wav": "missing: labelled, and not recorded",
        f"{folder}/Ses01F_impro01_M004.wav": "recorded, and EmoEvaluation has no such turn: it has no label",
    }


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro02_F000.wav",
            "is of the dialogue Ses01F_impro02",
        ),
        ("Session2/sentences/wav/Ses01F_impro01/Ses01F_impro01_F003.wav", "in Session2, and is of Session1"),
        ("Session1/sentences/wav/Ses01F_impro01/F003.wav", "no name of an utterance"),
        ("Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F003.mp3", "sounds end in .wav"),
        ("Session1/sentences/wav/Ses01F_impro01_F003.wav", "has no place in IEMOCAP's layout"),
        ("Session1/dialog/EmoEvaluation/notes.txt", "no name of a dialogue"),
        ("Session1/dialog/EmoEvaluation/Ses02F_impro01.txt", "in Session1, and is of Session2"),
        ("Session1/dialog/EmoEvaluation/Ses01F_impro01.csv", "labels end in .txt"),
        ("Session1/readme", "has no place in IEMOCAP's layout"),
        ("README.txt", "lies in none of Session1 to Session5"),
        ("Session6/dialog/EmoEvaluation/Ses06F_impro01.txt", "lies in none of Session1"),
    ],
)
def test_what_is_not_read_is_listed_with_its_reason(small, path, said):
    put(small, b"", path)
    told = reasons(small)
    assert said in told.pop(path) and told == {}
    assert len(read("iemocap", small).table) == 2


def test_folders_that_are_not_used_are_counted_and_never_read(small):
    for folder in ("Attribute", "Categorical", "Self-evaluation"):
        put(small, EVALUATION.replace("impro01", "impro09"), f"Session1/dialog/EmoEvaluation/{folder}/a.txt")
    put(small, b"", "Session1/sentences/MOCAP_head/Ses01F_impro01/Ses01F_impro01_F000.txt")
    put(small, b"", "Session1/dialog/lab/Ses01_F/Ses01F_impro01.lab")
    put(small, EVALUATION, "Session1/dialog/EmoEvaluation/._Ses01F_impro01.txt")
    assert len(read("iemocap", small).table) == 2
    told = reasons(small)
    assert "1 file(s)" in told.pop("._*")
    assert sorted(told) == [
        "Session*/dialog/EmoEvaluation/Attribute",
        "Session*/dialog/EmoEvaluation/Categorical",
        "Session*/dialog/EmoEvaluation/Self-evaluation",
        "Session*/dialog/lab",
        "Session*/sentences/MOCAP_head",
    ]
    assert all(said.startswith("1 file(s) that are not used: ") for said in told.values())


def test_a_half_copied_corpus_is_read_and_its_gaps_are_told(tmp_path):
    plan = SPEC.plan(takes(10, 1, SPEC), "iemocap", 7, True)
    lay_out(plan, tmp_path)
    for path in sorted((tmp_path / "Session2").rglob("*")):
        if path.is_file():
            path.unlink()
    for path in (tmp_path / "Session3/dialog/EmoEvaluation").iterdir():
        path.unlink()
    (tmp_path / "Session4/sentences/wav").rename(tmp_path / "elsewhere")
    reading = read("iemocap", tmp_path)
    told = {each["path"]: each["reason"] for each in reading.unread}
    assert told["Session2"] == "missing: 4 of 5 sessions are (Session1, Session3, Session4, Session5)"
    assert told["Session3/dialog/EmoEvaluation/Ses03F_impro01.txt"] == "missing: this dialogue has no labels"
    unrecorded = told["Session4/sentences/wav/Ses04F_impro01"]
    assert unrecorded == "missing: no utterance of this dialogue is recorded"
    sessions = reading.table.groupby("session")
    assert sorted(sessions.groups) == [f"iemocap/Ses{number:02d}" for number in (1, 3, 4, 5)]
    assert sessions["label"].count().tolist()[1] == 0 and sessions["audio"].count().tolist()[2] == 0
    third = reading.table[reading.table["session"] == "iemocap/Ses03"]
    assert third["turn"].notna().all() and third["video"].notna().all()  # by the transcripts' times


def test_a_film_that_is_known_to_be_too_short(tmp_path):
    name = "Ses01M_impro02_F021"
    turn = TURN.replace("Ses01F_impro01_M000", name)
    documents(tmp_path, f"{turn}\n", f"{name} [010.0100-011.3925]: Yes.\n", "Ses01M_impro02")
    film = "Session1/dialog/avi/DivX/Ses01M_impro02.avi"
    put(wavs(tmp_path, name), b"", film)
    assert read("iemocap", tmp_path).table["video"].isna().all()
    assert reasons(tmp_path) == {film: f"1 fault(s): it is known to end before {name}"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-8"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_documents_in_other_spellings(small, encoding, newline):
    text = TRANSCRIPT.replace("Excuse me.", "A café’s name.").replace("\n", newline)
    documents(small, EVALUATION.replace("\n", newline).encode(encoding), text.encode(encoding))
    table = read("iemocap", small).table
    assert table["text"].tolist()[0] == "A café’s name." and table["label_raw"].tolist() == ["neu", "xxx"]
    assert reasons(small) == {}


def test_a_byte_of_no_letter_is_told(small):
    documents(small, transcript=TRANSCRIPT.encode().replace(b"Excuse", b"E\x81\xffcuse"))
    assert "line 1: holds a byte that is not a letter" in str(reasons(small))


@given(st.binary(max_size=200))
def test_whatever_a_document_holds_it_is_read_or_told(content):
    for parse in (iemocap_documents.turns, iemocap_documents.transcripts):
        found, faults = parse(content)
        assert all(line.startswith("line ") for line in faults)
        assert all(each.line > 0 for each in found.values())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (".", r"but \S*corpus/IEMOCAP_full_release does; give that folder"),
        ("corpus", r"but \S*corpus/IEMOCAP_full_release does; give that folder"),
        ("corpus/IEMOCAP_full_release/Session1", "but .*IEMOCAP_full_release does; give that folder"),
        ("corpus/IEMOCAP_full_release/Session1/dialog", "but .*IEMOCAP_full_release does; give that folder"),
        ("empty", "it is empty"),
        ("packed", r"archives \(IEMOCAP_full_release.tar.gz\): unpack"),
        ("nowhere", "does not exist; to get it: ask USC SAIL"),
    ],
)
def test_the_wrong_folder_is_told_from_the_right_one(tmp_path, given, said):
    documents(tmp_path / "corpus/IEMOCAP_full_release")
    (tmp_path / "empty").mkdir()
    put(tmp_path, b"", "packed/IEMOCAP_full_release.tar.gz")
    with pytest.raises(CorpusError, match=said):
        read("iemocap", tmp_path / given)


@pytest.mark.slow
def test_a_films_cut_shows_and_sounds_the_talker(tmp_path):
    root = synthesise(
        tmp_path / "iemocap", layout="iemocap", speakers=2, clips=1, seed=3, workers=1, clean=True
    )
    table = read("iemocap", root).table
    assert table["video"].notna().all()
    for row in table.head(6).itertuples():
        own = media.decode_audio(root / row.audio)
        shared = media.decode_audio(root / row.video)
        assert apart_s(own, shared) < 0.1  # MP3 begins 69 ms late
        talking = media.frames(root / row.video, count=12)
        assert all(media.find_faces(talking.images))
        left = iemocap.half(row.utterance_id) == "left"
        other = str(row.video).replace(f"percent:{0 if left else 50},", f"percent:{50 if left else 0},")
        still = media.frames(root / other, count=12)
        assert movement(talking.images) > 2 * movement(still.images)


def apart_s(one: np.ndarray, other: np.ndarray) -> float:
    """By how much one of two copies of a sound at 16 kHz is behind the other, in seconds; they must be copies."""
    length = min(len(one), len(other))
    a, b = (np.abs(each[:length]) - np.abs(each[:length]).mean() for each in (one, other))
    spectra = np.fft.rfft(b, 2 * length) * np.conj(np.fft.rfft(a, 2 * length))
    alike = np.fft.irfft(spectra) / np.sqrt((a**2).sum() * (b**2).sum())
    assert alike.max() > 0.9
    at = int(alike.argmax())
    return min(at, 2 * length - at) / 16_000


def movement(images: np.ndarray) -> float:
    return float(np.abs(np.diff(images.astype(float), axis=0)).mean())
