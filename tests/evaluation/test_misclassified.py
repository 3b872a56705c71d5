"""The errors that a report lists: those the model was surest of, with where they can be played."""

import numpy as np
import pandas as pd
from emoflow.artifacts.utterances import Ceilings
from emoflow.evaluation import misclassified
from emoflow.evaluation.inputs import CorpusFacts
from emoflow.evaluation.predictions import Predictions
from emoflow.evaluation.report import _player
from emoflow.schema import UTTERANCE_COLUMNS


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
    facts = CorpusFacts(
        utterances=table.reindex(columns=list(UTTERANCE_COLUMNS)).sample(frac=1, random_state=0),
        exclusions=[],
        agreement={},
        ceilings=Ceilings(truth={}, population={}, oracle={}),
        oracle=pd.DataFrame(),
    )
    codes = np.zeros(count, int)
    predictions = Predictions(
        ("anger", "neutral"), (0,), ids, truth, codes, ("lab/a",), codes, (0,), {"audio": given[None]}
    )
    found = misclassified.surest(predictions, "audio", {"lab": facts})
    assert [each.utterance_id for each in found] == [f"lab/{at:02}" for at in range(39, 15, -2)]
    first, second, third = found[:3]
    assert (first.label, first.predicted) == ("neutral", "anger")
    assert (round(first.confidence, 2), round(first.probability, 2)) == (0.95, 0.05)
    assert (first.recording, second.recording) == ("data/raw/lab/a b/39.mp4#t=0.5,1.0", None)
    assert third.recording == "data/raw/lab/35.wav"


def test_a_recording_is_addressed_from_the_report_s_folder():
    assert _player("data/raw/lab/a b/39.mp4#t=0.5,1.0") == ("video", "../data/raw/lab/a%20b/39.mp4#t=0.5,1.0")
    assert _player("data/raw/lab/1.WAV") == ("audio", "../data/raw/lab/1.WAV")
    assert _player(None) == (None, "")
