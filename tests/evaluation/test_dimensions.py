"""Valence, arousal and dominance against other computations, and predictions that do not fit."""

import numpy as np
import pandas as pd
import pytest
import torch
from emoflow.errors import EvaluationError
from emoflow.evaluation.dimensions import absolute_error, concordance, correlation, figures
from emoflow.evaluation.predictions import Predictions
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr
from torchmetrics.functional import concordance_corrcoef

COUNT = 60


def predictions(speakers: int = 6) -> Predictions:
    return Predictions(
        classes=("anger", "neutral"),
        seeds=(0,),
        utterance_ids=np.array([f"u{i:02d}" for i in range(COUNT)]),
        truth=np.zeros(COUNT, int),
        speaker=np.arange(COUNT) % speakers,
        speakers=tuple(f"s{i}" for i in range(speakers)),
        fold=np.arange(COUNT) % 2,
        folds=(0, 1),
        probabilities={},
    )


def tables(seed: int = 0, noise: float = 0.5) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is predicted, and the truth."""
    generator = np.random.default_rng(seed)
    truth = pd.DataFrame(generator.uniform(-1, 1, (COUNT, 3)), columns=["valence", "arousal", "dominance"])
    said = 0.6 * truth + 0.1 + noise * generator.normal(size=truth.shape)
    held = predictions()
    return said.assign(utterance_id=held.utterance_ids, fold=held.fold, strategy="late-average"), truth


def sums_of(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return np.stack([np.ones_like(p), p, t, p * p, t * t, p * t, np.abs(p - t)], 1).sum(0)


@given(st.integers(0, 2**32 - 1), st.integers(2, 50), st.floats(0.01, 100))
def test_figures_are_those_of_other_libraries(seed, count, scale):
    p, t = scale * np.random.default_rng(seed).normal(size=(2, count))
    sums = sums_of(p, t)
    assert correlation(sums) == pytest.approx(pearsonr(p, t)[0], abs=1e-6)
    biased = concordance_corrcoef(torch.tensor(p), torch.tensor(t)).item()  # torchmetrics divides by n - 1
    assert concordance(sums) == pytest.approx(biased, abs=2 / count)
    mean, spread = p.mean() - t.mean(), p.var() + t.var()
    assert concordance(sums) == pytest.approx(2 * np.cov(p, t, ddof=0)[0, 1] / (spread + mean**2), abs=1e-6)
    assert absolute_error(sums) == pytest.approx(np.abs(p - t).mean())


def test_what_does_not_vary_agrees_with_nothing():
    constant, varied = np.full(10, 0.3), np.linspace(-1, 1, 10)
    assert concordance(sums_of(constant, varied)) == pytest.approx(0, abs=1e-12)
    assert correlation(sums_of(constant, varied)) == 0
    assert concordance(sums_of(varied, varied)) == pytest.approx(1)
    assert concordance(sums_of(-varied, varied)) == pytest.approx(-1)


def test_rows_are_joined_and_unknown_truth_is_left_out():
    said, truth = tables()
    truth.loc[:9, "arousal"] = None
    truth["dominance"] = None
    found = figures(predictions(), said.sample(frac=1, random_state=1), truth)["late-average"]
    assert set(found) == {"valence", "arousal"}
    assert found["valence"].utterances == COUNT and found["arousal"].utterances == COUNT - 10
    assert found["valence"].speakers == 6
    expected = pearsonr(said["valence"], truth["valence"])[0]
    assert found["valence"].pearson.mean == pytest.approx(expected)
    assert found["valence"].pearson.low < expected < found["valence"].pearson.high
    assert found["valence"].ccc.mean < expected
    assert found["valence"].mae.mean == pytest.approx((said["valence"] - truth["valence"]).abs().mean())


def test_one_speaker_has_no_interval():
    said, truth = tables()
    found = figures(predictions(speakers=1), said, truth)["late-average"]["valence"]
    assert found.ccc.low is None and found.mae.high is None


def test_nothing_predicted_is_nothing_scored():
    said, truth = tables()
    assert figures(predictions(), said.head(0), truth) == {}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.assign(fold=7), "utterances that are not tested: u00"),
        (lambda t: pd.concat([t, t.head(1)]), "twice of an utterance"),
    ],
)
def test_predictions_of_another_run_are_refused(spoil, message):
    said, truth = tables()
    with pytest.raises(EvaluationError, match=message + r".*run the stage `train` again"):
        figures(predictions(), spoil(said), truth)
