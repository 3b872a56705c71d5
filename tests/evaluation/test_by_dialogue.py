"""Intervals over dialogues: wider than those over speakers where dialogues differ more than speakers do."""

import numpy as np
import pandas as pd
import pytest
from emoflow.evaluation import by_dialogue, intervals
from emoflow.evaluation.inputs import CorpusFacts
from emoflow.evaluation.metrics import METRICS
from emoflow.evaluation.predictions import Predictions
from emoflow.evaluation.scores import by_speaker
from fabricated_experiment import facts_of
from sklearn.metrics import balanced_accuracy_score, f1_score

CLASSES = ("anger", "neutral", "sadness")
COUNT, SPEAKERS, DIALOGUES = 600, 10, 30


def study(dialogue: np.ndarray | None = None) -> tuple[Predictions, dict[str, CorpusFacts]]:
    """Speakers talk in all dialogues, some of which are hard."""
    generator = np.random.default_rng(0)
    number = np.arange(COUNT) % DIALOGUES
    speaker = generator.permutation(np.arange(COUNT) % SPEAKERS)
    truth = generator.integers(0, 3, COUNT)
    right = generator.random(COUNT) < generator.choice([0.3, 0.95], DIALOGUES)[number]
    given = np.eye(3)[np.where(right, truth, (truth + generator.integers(1, 3, COUNT)) % 3)]
    ids = np.array([f"lab/{k:04}" for k in range(COUNT)])
    names = np.array([f"lab/d{k}" for k in number], object) if dialogue is None else dialogue
    table = pd.DataFrame({"utterance_id": ids, "corpus": "lab", "dialogue": names})
    speakers = tuple(f"lab/{k}" for k in range(SPEAKERS))
    fold = speaker % 3
    predictions = Predictions(
        CLASSES, (0,), ids, truth, speaker, speakers, fold, (0, 1, 2), {"audio": given[None]}
    )
    return predictions, {"lab": facts_of(table)}


def test_figures_are_those_of_all_utterances_and_intervals_those_of_dialogues():
    predictions, corpora = study()
    found = by_dialogue.figures(predictions, "audio", corpora)
    assert found is not None and found.dialogues == DIALOGUES and set(found.figures) == set(METRICS)
    truth, said = predictions.truth, predictions.predicted("audio")
    assert found.figures["ua"].mean == pytest.approx(balanced_accuracy_score(truth, said))
    assert found.figures["wf1"].mean == pytest.approx(f1_score(truth, said, average="weighted"))
    over_speakers = intervals.of_figure(METRICS["ua"], by_speaker(predictions)["audio"])
    ua = found.figures["ua"]
    assert ua.high - ua.low > 1.5 * (over_speakers.high - over_speakers.low)


@pytest.mark.parametrize("named", [None, "lab/one"])
def test_without_several_dialogues_nothing_is_said(named):
    dialogue = np.array(["lab/one"] * (COUNT - 1) + [named], object)
    predictions, corpora = study(dialogue)
    assert by_dialogue.figures(predictions, "audio", corpora) is None
