"""Which utterances are made worse, who talks beside them, and what a change is known by."""

import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from emoflow import media
from emoflow.artifacts.model import Modality
from emoflow.evaluation.robustness.changes import changed
from emoflow.evaluation.robustness.limits import why_not
from emoflow.evaluation.robustness.perturbation import Perturbation
from emoflow.evaluation.robustness.sample import drawn
from emoflow.evaluation.robustness.talkers import talkers
from emoflow.schema import CONDITIONS

FOLDS = pd.DataFrame(
    [
        {"fold": fold, "utterance_id": f"control/{speaker}-{label}-{k}", "speaker": f"control/{speaker}"}
        | {"label": label, "role": "test" if speaker % 2 == fold else "train"}
        for fold in range(2)
        for speaker in range(6)
        for label, count in (("anger", 9), ("neutral", 4), ("sadness", 2))
        for k in range(count)
    ]
)


@pytest.mark.parametrize("count", [10, 37, 89])
def test_classes_and_folds_are_drawn_by_their_shares(count):
    test = FOLDS[FOLDS["role"] == "test"]
    rows = drawn(FOLDS.sample(frac=1, random_state=1), count, seed=7)
    assert len(rows) == count and not rows.duplicated(["fold", "utterance_id"]).any()
    assert set(rows["role"]) == {"test"}
    for stratum, own in test.groupby(["fold", "label"]):
        found = (rows[["fold", "label"]].apply(tuple, axis=1) == stratum).sum()
        assert abs(found - len(own) * count / len(test)) < 1
    pd.testing.assert_frame_equal(rows, drawn(FOLDS, count, seed=7))
    assert set(rows["utterance_id"]) != set(drawn(FOLDS, count, seed=8)["utterance_id"])


@pytest.mark.parametrize("count", [None, 90, 500])
def test_all_are_taken_where_no_fewer_are_asked_for(count):
    assert len(drawn(FOLDS, count, seed=7)) == 90


def test_other_speakers_of_the_same_corpus_talk_in_babble():
    test = FOLDS[FOLDS["role"] == "test"]
    speakers = dict(zip(test["utterance_id"], test["speaker"], strict=True)) | {"other/1": "other/1"}
    among = {name for name in speakers if not name.endswith("-0")}
    heard = Counter()
    for name in sorted(speakers)[:40]:
        others = talkers(name, "babble", speakers, among, seed=7)
        who = [speakers[each] for each in others]
        assert len(set(who)) == len(who) == 4 and among.issuperset(others)
        assert speakers[name] not in who and "other/1" not in who
        assert others == talkers(name, "babble", speakers, among, seed=7)
        heard.update(others)
    assert len(heard) > 40
    assert talkers("other/1", "babble", speakers, among, seed=7) == []


def test_a_change_is_known_by_all_that_decides_it():
    one = Perturbation("noise", 10, 7, "control/1")
    others = [
        Perturbation("babble", 10, 7, "control/1"),
        Perturbation("noise", 0, 7, "control/1"),
        Perturbation("noise", 10, 8, "control/1"),
        Perturbation("noise", 10, 7, "control/2"),
        Perturbation("babble", 10, 7, "control/1", (Path("a.wav"),), ("f00",)),
    ]
    digests = [each.digest("abc") for each in (one, *others)] + [one.digest("abd")]
    assert len(set(digests)) == len(digests)
    assert pickle.loads(pickle.dumps(one)).digest("abc") == one.digest("abc")  # noqa: S301
    sound = [np.random.default_rng(0).normal(size=400).astype(np.float32) for _ in range(2)]
    assert np.array_equal(one(sound)[0], one(iter(sound))[0])
    for other in others[1:4]:
        assert not np.array_equal(one(sound)[0], other(sound)[0])


@pytest.mark.parametrize(("condition", "level", "length"), [("pitch", 3, 8000), ("tempo", 2, 4000)])
def test_an_utterance_has_another_pitch_or_tempo(condition, level, length):
    said = np.random.default_rng(0).normal(size=8000).astype(np.float32) / 5
    (worse,) = Perturbation(condition, level, 7, "control/1")([said[:3000], said[3000:]])
    assert worse.shape == (length,) and worse.std() > 0.1


def test_the_frames_of_a_film_are_changed_or_lost():
    images = np.random.default_rng(0).integers(0, 256, (8, 20, 30, 3), dtype=np.uint8)
    film = media.Frames(images, np.arange(8) / 4, 2.0)
    fewer = Perturbation("frame_loss", 0.5, 7, "control/1")(film)
    assert 0 < len(fewer.images) < 8 and fewer.duration_s == 2
    assert np.array_equal(fewer.images, images[(4 * fewer.times_s).astype(int)])
    for condition, level in (("blur", 0.1), ("brightness", 0.5), ("occlusion", 0.9)):
        worse = Perturbation(condition, level, 7, "control/1")(film)
        assert worse.images.shape == images.shape and worse.images.dtype == np.uint8
        assert worse.images.std() < 0.7 * images.std() and np.array_equal(worse.times_s, film.times_s)


def modality(**changes) -> Modality:
    usual = {"encoders": ["egemaps"], "parameters": {}, "layout": [("egemaps", 88)]}
    return Modality.model_validate(usual | changes)


def test_what_cannot_be_tested_says_why():
    table = modality(encoders=["table"])
    assert "came as a table" in why_not("noise", {"audio": table, "text": modality()})
    assert "followed" in why_not("blur", {"face": modality(parameters={"track": "cascade"})})
    chosen = modality(parameters={"track": "mediapipe", "follow": "active-speaker"})
    assert "chosen by the sound" in why_not("noise", {"audio": modality(), "face": chosen})
    assert "audio alone" in why_not("missing", {"audio": modality()})
    recognised = modality(recogniser={"hf": "whisper-tiny.en", "language": None})
    held = {"audio": modality(), "text": recognised}
    assert "recognised already" in why_not("recognised_words", held)
    assert why_not("noise", held) is why_not("dropped_words", held) is None
    assert "text came as a table" in why_not(
        "noise", {"text": recognised.model_copy(update={"encoders": ["table"]})}
    )
    held = {"audio": modality(), "text": modality(), "face": modality(parameters={"track": None})}
    assert [name for name in CONDITIONS if why_not(name, held)] == []
    assert why_not("blur", {"audio": modality()}) is None
    assert "tuned" in why_not("pgd", {"audio": modality()}, tuned=True)
    assert why_not("fgsm", {"audio": table}) is why_not("pgd", {"face": chosen}) is None


def test_a_condition_of_sound_changes_all_that_is_made_from_sound():
    recognised = modality(recogniser={"hf": "whisper-tiny.en", "language": None})
    films = modality(pretrained={"av": {"streams": "av"}})
    pictures = modality(pretrained={"av": {"streams": "v"}})
    assert changed("noise", {"text": modality(), "audio": modality(), "face": pictures}) == ("audio",)
    assert changed("noise", {"text": recognised, "audio": modality(), "face": films}) == (
        "audio",
        "face",
        "text",
    )
    assert changed("noise", {"text": recognised}) == ("text",)
    assert changed("blur", {"text": recognised, "face": films}) == ("face",)
    assert changed("wrong_words", {"text": recognised, "audio": modality()}) == ("text",)
    assert changed("missing", {"text": modality()}) == changed("fgsm", {"audio": modality()}) == ()
