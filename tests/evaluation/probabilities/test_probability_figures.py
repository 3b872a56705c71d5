"""All figures of a strategy's probabilities together."""

import numpy as np
import pandas as pd
import pytest
from emoflow.evaluation.contributions.coalitions import of_strategies as coalitions_of
from emoflow.evaluation.predictions import Predictions
from emoflow.evaluation.probabilities.figures import of_strategies, registered
from emoflow.fusion.calibrated import scaled, set_scores
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


@pytest.mark.parametrize("sure", [1.0, 3.0], ids=["calibrated", "overconfident"])
def test_what_is_fitted_on_the_test_predictions_serves_new_speakers(sure):
    """On speakers whom it was not fitted on: temperature corrects, and sets hold the right class often enough."""
    generator, covered, losses = np.random.default_rng(5), [], []
    for study in range(30):
        speaker = np.repeat(np.arange(40), 20)
        truth = generator.integers(0, 4, len(speaker))
        ease = generator.normal(1.5, 0.7, 40)[speaker]
        logits = generator.normal(size=(len(speaker), 4)) + ease[:, None] * np.eye(4)[truth]
        given = np.exp(sure * logits) / np.exp(sure * logits).sum(1, keepdims=True)
        known = speaker < 20
        names, ids = tuple(f"lab/{each}" for each in range(20)), np.arange(known.sum()).astype(str)
        held = Predictions(
            tuple("abcd"),
            (0,),
            ids,
            truth[known],
            speaker[known],
            names,
            speaker[known] % 4,
            (0, 1, 2, 3),
            {"audio": given[known][None]},
        )
        calibration = registered(held, "audio", None, modalities=["audio"], seed=study)
        found = calibration.given["audio"]
        assert (found.utterances, found.speakers, calibration.level) == (400, 20, 0.9)
        shares = scaled(given[~known], found.temperature)
        new = set_scores(shares, np.zeros(len(shares))) <= found.threshold
        covered.append(new[np.arange(len(new)), truth[~known]].mean())
        loss = lambda p: -np.log(p[np.arange(len(p)), truth[~known]]).mean()  # noqa: E731, B023
        losses.append(loss(given[~known]) - loss(scaled(given[~known], found.temperature)))
    assert np.mean(covered) > 0.89
    assert np.mean(losses) > (0.2 if sure > 1 else -0.01)


def test_each_subset_of_modalities_is_corrected_on_the_utterances_that_have_it():
    """Audio alone is overconfident, text alone is not; some utterances have no text."""
    held = predictions()
    given, having = held.probabilities["audio"].mean(0), np.arange(240) % 4 > 0
    held.probabilities["late-average"] = held.probabilities["audio"]
    columns = {f"p_{name}": shares for name, shares in zip("abcd", given.T, strict=True)}
    known = {"utterance_id": held.utterance_ids, "fold": held.fold, "strategy": "late-average"}
    text = pd.DataFrame(known | {"modalities": "text"} | columns)[having]
    sharp = {f"p_{name}": shares for name, shares in zip("abcd", scaled(given, 0.25).T, strict=True)}
    table = pd.concat([pd.DataFrame(known | {"modalities": "audio"} | sharp), text])
    coalitions = coalitions_of(held, table)["late-average"]
    found = registered(held, "late-average", coalitions, modalities=["audio", "text"], seed=7).given
    assert {name: each.utterances for name, each in found.items()} == {
        "audio": 240,
        "text": 180,
        "audio+text": 180,
    }
    alone = registered(held, "audio", None, modalities=["audio"], seed=7).given["audio"]
    assert found["audio"].temperature == pytest.approx(4 * alone.temperature, rel=1e-3)
    assert found["audio"].threshold == pytest.approx(alone.threshold, abs=1e-3)
    assert found["text"].temperature == pytest.approx(found["audio+text"].temperature)
