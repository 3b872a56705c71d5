"""Figures of a zero-shot protocol: seen and unseen classes apart, and their harmonic mean."""

from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from emoflow.artifacts.reports import Metrics
from emoflow.evaluation.evaluate import measure
from emoflow.evaluation.report import page
from emoflow.evaluation.summary import table
from emoflow.stages.evaluate import read
from fabricated_experiment import CLASSES, experiment
from rich.console import Console
from sklearn.metrics import recall_score

UNSEEN = ["fear", "surprise"]


def paged(root: Path) -> tuple[Metrics, str]:
    """The metrics and the report."""
    inputs = read(["control"], root)
    metrics = measure(inputs, seed=7)[0]
    return metrics, page(metrics, best=inputs.best, trials=inputs.trials)


def test_seen_and_unseen_classes_are_told_apart(tmp_path):
    data = experiment(tmp_path, said={"unseen": UNSEEN})
    metrics, text = paged(tmp_path)
    zero_shot = metrics.zero_shot
    assert zero_shot.unseen == UNSEEN and zero_shot.chance == pytest.approx(1 / 7)
    assert zero_shot.strategies.keys() == metrics.strategies.keys()
    rows = pd.read_parquet(data / "predictions.parquet")
    rows = rows[rows["strategy"] == "audio"]
    mean = rows.groupby("utterance_id")[[f"p_{label}" for label in CLASSES]].mean()
    truth = rows.groupby("utterance_id")["label"].first()
    predicted = np.array(CLASSES)[mean.to_numpy().argmax(1)]
    kinds = {"seen": [label for label in CLASSES if label not in UNSEEN], "unseen": UNSEEN}
    expected = {
        key: recall_score(truth, predicted, labels=kind, average="macro") for key, kind in kinds.items()
    }
    audio = zero_shot.strategies["audio"]
    for key, value in expected.items():
        assert getattr(audio, key).mean == pytest.approx(value)
    assert audio.harmonic.mean == pytest.approx(2 / (1 / expected["seen"] + 1 / expected["unseen"]))
    assert all(each.low <= each.mean <= each.high for _, each in audio)
    metrics.write(tmp_path)
    assert Metrics.read(tmp_path).zero_shot.unseen == UNSEEN

    assert "Seen and unseen classes" in text and "Nothing of fear, surprise was in training" in text
    console = Console(width=200, record=True, file=StringIO())
    console.print(table(metrics))
    assert "zero-shot (fear, surprise unseen)" in " ".join(console.export_text().split())


@pytest.mark.slow
def test_where_every_class_is_seen_nothing_is_said(tmp_path):
    experiment(tmp_path)
    metrics, text = paged(tmp_path)
    assert metrics.zero_shot is None and "Seen and unseen" not in text
