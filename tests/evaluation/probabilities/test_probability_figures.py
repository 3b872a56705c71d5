"""All figures of a strategy's probabilities together."""

import numpy as np
import pytest
from emoflow.evaluation.predictions import Predictions
from emoflow.evaluation.probabilities.figures import of_strategies
from sklearn.metrics import roc_auc_score


def predictions(*, folds: int = 4, classes: int = 4, seeds: int = 2) -> Predictions:
    generator = np.random.default_rng(0)
    speaker = np.repeat(np.arange(16), 15)
    truth = generator.integers(0, 3, len(speaker))  # the last class never occurs
    logits = generator.normal(size=(seeds, len(speaker), classes)).round(1) + 1.5 * np.eye(classes)[truth]
    given = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    ids = np.array([f"lab/{at:03}" for at in range(len(speaker))])
    names = tuple("abcd")[:classes]
    return Predictions(
        names,
        tuple(range(seeds)),
        ids,
        truth,
        speaker,
        tuple(f"lab/{at}" for at in range(16)),
        speaker % folds,
        tuple(range(folds)),
        {"audio": given, "majority": np.full_like(given, 1 / classes)},
    )


def test_every_strategy_but_baselines_has_figures_that_fit_each_other():
    held = predictions()
    (name,) = found = of_strategies(held, seed=7)
    figures, given = found[name], held.probabilities["audio"].mean(0)
    assert name == "audio" and figures == of_strategies(held, seed=7)["audio"]
    assert sum(each.utterances for each in figures.reliability) == sum(figures.sets.sizes) == len(given)
    accuracy = (given.argmax(1) == held.truth).mean()
    assert figures.answered["1.00"] == pytest.approx(accuracy)
    assert sum(each.utterances * each.accuracy for each in figures.reliability) == pytest.approx(
        accuracy * len(given)
    )
    expected = [roc_auc_score(held.truth == c, given[:, c]) for c in range(3)]
    assert figures.auc == pytest.approx(np.mean(expected))
    for interval in (figures.calibration.nll, figures.calibration.brier, figures.scaled.calibration.ece):
        assert 0 < interval.low < interval.mean < interval.high
    assert figures.sets.size == pytest.approx(np.average(range(1, 5), weights=figures.sets.sizes))


def test_of_one_fold_there_is_neither_a_temperature_nor_a_set():
    figures = of_strategies(predictions(folds=1), seed=7)["audio"]
    assert figures.scaled is None and figures.sets is None and figures.auc > 0.7


def test_a_seed_that_diverged_in_a_fold_is_left_out_there():
    held = predictions()
    held.probabilities["audio"][1, held.fold == 2] = np.nan
    figures = of_strategies(held, seed=7)["audio"]
    assert np.isfinite(figures.calibration.nll.mean) and figures.sets.coverage.mean > 0.8
