"""The errors that a report lists: those the model was surest of, with where they can be played."""

import numpy as np
import pandas as pd
from emoflow.evaluation import misclassified
from emoflow.evaluation.predictions import Predictions
from emoflow.evaluation.report import _player
from fabricated_experiment import facts_of


def test_the_surest_errors_come_first_with_their_recordings():
    count = 40
    confidence = np.linspace(0.55, 0.95, count)
    given = np.stack([confidence, 1 - confidence], axis=1)
    truth = np.arange(count) % 2  # every other one is wrong
    ids = np.array([f"lab/{at:02}" for at in range(count)])
    table = pd.DataFrame(
        {"utterance_id": ids, "corpus": "lab", "audio": [f"{at}.wav" for at in range(count)]}
    )
    table["video"] = pd.array([None] * count, dtype="str")
    table.loc[table["utterance_id"] == "lab/39", "video"] = "a b/39.mp4#t=0.5,1.0"
    table.loc[table["utterance_id"] == "lab/37", "audio"] = None
    codes = np.zeros(count, int)
    predictions = Predictions(
        ("anger", "neutral"), (0,), ids, truth, codes, ("lab/a",), codes, (0,), {"audio": given[None]}
    )
    found = misclassified.surest(predictions, "audio", {"lab": facts_of(table)})
    assert [each.utterance_id for each in found] == [f"lab/{at:02}" for at in range(39, 15, -2)]
    first, second, third = found[:3]
    assert (first.label, first.predicted) == ("neutral", "anger")
    assert (round(first.confidence, 2), round(first.probability, 2)) == (0.95, 0.05)
    assert (first.recording, second.recording) == ("data/raw/lab/a b/39.mp4#t=0.5,1.0", None)
    assert third.recording == "data/raw/lab/35.wav"


def test_an_utterance_that_several_folds_test_is_listed_once():
    ids = np.array(["lab/1", "lab/1", "lab/2"])
    given = np.array([[0.7, 0.3], [0.9, 0.1], [0.8, 0.2]])
    table = pd.DataFrame({"utterance_id": ["lab/1", "lab/2"], "corpus": "lab", "audio": ["1.wav", "2.wav"]})
    predictions = Predictions(
        ("anger", "neutral"),
        (0,),
        ids,
        np.ones(3, int),
        np.zeros(3, int),
        ("lab/a",),
        np.array([0, 1, 1]),
        (0, 1),
        {"audio": given[None]},
    )
    found = misclassified.surest(predictions, "audio", {"lab": facts_of(table.assign(video=None))})
    assert [(each.utterance_id, each.confidence) for each in found] == [("lab/1", 0.9), ("lab/2", 0.8)]


def test_a_recording_is_addressed_from_the_report_s_folder():
    assert _player("data/raw/lab/a b/39.mp4#t=0.5,1.0") == ("video", "../data/raw/lab/a%20b/39.mp4#t=0.5,1.0")
    assert _player("data/raw/lab/1.WAV") == ("audio", "../data/raw/lab/1.WAV")
    assert _player(None) == (None, "")
