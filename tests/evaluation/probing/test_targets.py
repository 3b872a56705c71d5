"""Targets: what is probed for, what is left out and why, and how rows are split."""

import numpy as np
import pytest
import soundfile
from emoflow.errors import EvaluationError
from emoflow.evaluation.probing.recordings import measure
from emoflow.evaluation.probing.run import probing
from emoflow.evaluation.probing.targets import UNKNOWN, speaker_codes, targets_of
from planted_features import CLIPS, SPEAKERS, holding, lay_out, utterances

OTHERS = ["language", "corpus", "words", "duration", "loudness"]


def made(root, table, *names: str):
    inputs = lay_out(root, table, {"voice": holding(table["speaker"])})
    return inputs, *targets_of(inputs, names or None, seed=0)


def test_speakers_are_apart_but_where_they_are_the_target(tmp_path):
    table = utterances().assign(text="one two")
    table.loc[::2, "text"] = "One, two … three!"
    inputs, found, _ = made(tmp_path, table)
    speakers = speaker_codes(inputs.utterances)
    assert [target.name for target in found] == ["emotion", "speaker", "gender", "words"]
    for target in found:
        for train, test in target.splits:
            assert not set(train) & set(test)
            shared = set(speakers[train]) & set(speakers[test])
            assert len(shared) == (SPEAKERS if target.name == "speaker" else 0)
        assert sorted(target.control) == sorted(target.values)
        assert (target.control != target.values).any()
    assert set(found[-1].values) == {2, 3}  # punctuation is no word


@pytest.mark.parametrize(
    ("genders", "why"),
    [
        ({}, "the corpus does not say it"),
        (dict.fromkeys(range(SPEAKERS), "female"), "with two known speakers each; speakers: female: 9"),
        ({0: "female", 1: "male", 2: "male"}, "speakers: female: 1, male: 2"),
    ],
)  # fmt: skip
def test_a_gender_that_cannot_be_probed_is_left_out_with_the_reason(tmp_path, genders, why):
    table = utterances()
    number = table["speaker"].str[8:].astype(int)
    _, found, left_out = made(tmp_path, table.assign(speaker_gender=number.map(genders)), "gender")
    assert not found and why in left_out["gender"]


def test_a_class_of_one_speaker_is_left_out(tmp_path):
    table = utterances()
    languages = (
        table["speaker"].str[8:].astype(int).map(lambda number: ["de", "en", "en", "fr"][min(number, 3)])
    )
    _, (target,), _ = made(tmp_path, table.assign(language=languages), "language")
    assert target.classes == ("en", "fr") and target.remarks == ["de has one speaker and is left out"]
    assert (target.values[languages == "de"] == UNKNOWN).all()
    assert all((target.values[np.concatenate(split)] != UNKNOWN).all() for split in target.splits)
    assert all(len(set(target.values[train])) == 2 for train, _ in target.splits)


def test_one_speaker_alone_has_an_emotion_without_an_interval(tmp_path):
    inputs, (emotion,), left_out = made(tmp_path, utterances(speakers=1, clips=CLIPS))
    assert not emotion.speaker_disjoint
    assert "there are 1" in left_out["speaker"]
    found = probing(inputs, targets=["emotion"])
    assert found.blocks[0].targets["emotion"].figure.low is None
    with pytest.raises(EvaluationError, match="nothing to probe for: speaker: takes two known speakers"):
        probing(inputs, targets=["speaker"])


def test_utterances_of_nobody_known_are_in_no_split_over_speakers(tmp_path):
    table = utterances().assign(text=["a " * (1 + number % 3) for number in range(SPEAKERS * 3 * CLIPS)])
    inputs = lay_out(tmp_path, table, {"voice": holding(table["speaker"])})
    nobody = inputs.utterances["utterance_id"].str.endswith("-00")
    inputs.utterances.loc[nobody, "speaker"] = None
    (emotion, speaker, gender, words), _ = targets_of(inputs, None, seed=0)
    assert not emotion.speaker_disjoint and speaker.speaker_disjoint is False
    for target in (speaker, gender, words):
        tested = np.concatenate([test for _, test in target.splits])
        assert sorted(tested) == np.flatnonzero(~nobody).tolist()


def test_speakers_of_few_utterances_are_left_out(tmp_path):
    table = utterances()
    few = table[(table["speaker"] != "control/0") | table["utterance_id"].str.endswith("anger-00")]
    _, (speaker,), _ = made(tmp_path, few.reset_index(drop=True), "speaker")
    assert len(speaker.classes) == SPEAKERS - 1 and "control/0" not in speaker.classes
    assert speaker.remarks == ["speakers with fewer than 5 utterances are left out: 1"]


def test_duration_and_level_are_those_of_the_recording(tmp_path):
    table = utterances(speakers=2, clips=2).assign(audio=None, video=None)
    seconds = {0: 0.5, 1: 1.25}
    for row, lasts in seconds.items():
        table.loc[row, "audio"] = f"{row}.wav"
        tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(16_000 * lasts)) / 16_000)
        (tmp_path / "control").mkdir(exist_ok=True)
        soundfile.write(tmp_path / "control" / f"{row}.wav", tone, 16_000)
    table.loc[2, "audio"] = "gone.wav"
    found = measure(table, tmp_path)
    assert found.duration[:2] == pytest.approx(list(seconds.values()))
    assert found.loudness[:2] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.01)
    assert np.isnan(found.duration[2:]).all() and np.isnan(found.loudness[2:]).all()
    assert found.unread == {
        f"its recording is not in {tmp_path / 'control'}": 1,
        "the corpus has no recording of it": len(table) - 3,
    }


def test_what_is_the_same_for_all_and_what_is_not_there_is_left_out(tmp_path):
    _, _, left_out = made(tmp_path, utterances().assign(text="so it is"), *OTHERS)
    assert left_out["words"] == "the same for all utterances: 3"
    assert left_out["duration"] == (
        "270 utterances have no sound that can be measured: the corpus has no recording of it (270)"
    )
    assert set(left_out) == set(OTHERS)


def test_an_unknown_target_is_refused_with_those_that_there_are(tmp_path):
    with pytest.raises(EvaluationError, match="no target is called age; there are: emotion, speaker, gender"):
        made(tmp_path, utterances(), "age")
