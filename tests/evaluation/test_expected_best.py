"""The best of equally good configurations, as simulated searches find it; and where nothing can be said."""

import documents
import numpy as np
import pandas as pd
import pytest
from emoflow.artifacts.search import TRIALS
from emoflow.evaluation.evaluate import measure
from emoflow.evaluation.expected_best import expected_best, expected_maximum
from emoflow.evaluation.report import page
from emoflow.stages.evaluate import read
from fabricated_experiment import experiment

BUDGET = documents.budget()
FOLDS, CONFIGURATIONS, SEEDS, NOISE = 4, 8, 3, 0.03


def searched(generator: np.random.Generator, *, effect: float = 0.0, stopped: int = 0) -> pd.DataFrame:
    """Trials of configurations that differ by ``effect`` and by the seeds' noise; the worst were stopped."""
    quality = 0.6 + generator.normal(0, effect, (FOLDS, CONFIGURATIONS, 1))
    ua = quality + generator.normal(0, NOISE, (FOLDS, CONFIGURATIONS, SEEDS))
    rank = ua.mean(2).argsort(1).argsort(1)
    rows = [
        {"strategy": "audio", "fold": fold, "trial": trial, "seed": seed, "ua": ua[fold, trial, seed]}
        | {"status": "stopped" if rank[fold, trial] < stopped else "finished"}
        for fold, trial, seed in np.ndindex(ua.shape)
    ]
    return pd.DataFrame(rows)


def best_of(trials: pd.DataFrame) -> float:
    return trials.groupby(["fold", "trial"])["ua"].mean().groupby("fold").max().mean()


def test_the_expected_maximum_is_that_of_simulated_draws():
    draws = np.random.default_rng(0).normal(size=(50_000, 12))
    for count in (2, 5, 12):
        assert expected_maximum(count) == pytest.approx(draws[:, :count].max(1).mean(), abs=0.01)
    assert expected_maximum(1) == pytest.approx(0)


def test_without_an_effect_the_best_is_as_good_as_expected_and_with_one_it_is_better():
    generator, beyond = np.random.default_rng(1), {}
    for effect in (0.0, 2 * NOISE):
        found = [searched(generator, effect=effect) for _ in range(40)]
        held = [expected_best(trials, "audio", BUDGET) for trials in found]
        assert np.mean([each.noise for each in held]) == pytest.approx(NOISE / np.sqrt(SEEDS), rel=0.04)
        beyond[effect] = np.mean(
            [best_of(each) - one.expected for each, one in zip(found, held, strict=True)]
        )
    assert abs(beyond[0.0]) < 0.0025
    assert beyond[2 * NOISE] > NOISE


def test_where_the_worst_were_stopped_it_is_rather_too_high():
    generator = np.random.default_rng(2)
    found = [searched(generator, stopped=CONFIGURATIONS // 2) for _ in range(40)]
    held = [expected_best(trials, "audio", BUDGET) for trials in found]
    assert {(each.configurations, each.finished) for each in held} == {(CONFIGURATIONS, CONFIGURATIONS // 2)}
    assert 0 < np.mean([one.expected - best_of(each) for each, one in zip(found, held, strict=True)]) < NOISE


def test_by_hand_on_two_folds():
    rows = [
        (0, 0, 0.5),
        (0, 0, 0.6),
        (0, 1, 0.7),
        (0, 1, 0.8),
        (1, 0, 0.4),
        (1, 0, 0.4),
        (1, 1, 0.5),
        (1, 1, 0.7),
    ]
    trials = pd.DataFrame(rows, columns=["fold", "trial", "ua"]).assign(strategy="audio", status="finished")
    held = expected_best(trials, "audio", BUDGET)
    assert held.mean == pytest.approx((0.65 + 0.5) / 2)
    assert held.noise == pytest.approx(np.sqrt((0.005 + 0.005 + 0 + 0.02) / 4 / 2))
    assert held.expected == pytest.approx(held.mean + held.noise / np.sqrt(np.pi))


@pytest.mark.parametrize(
    ("spoil", "budget"),
    [
        (lambda trials: trials[trials["seed"] == 0], BUDGET),
        (lambda trials: trials.assign(status=trials["status"].mask(trials["trial"] > 0, "stopped")), BUDGET),
        (lambda trials: trials.assign(status="failed", ua=np.nan), BUDGET),
        (lambda trials: trials, documents.budget(evolve=True)),
    ],
    ids=["one seed", "one configuration to the end", "none to the end", "population-based training"],
)
def test_what_the_trials_do_not_hold_is_not_estimated(spoil, budget):
    assert expected_best(spoil(searched(np.random.default_rng(3))), "audio", budget) is None


@pytest.mark.slow
def test_the_report_shows_it_or_says_what_it_takes(tmp_path):
    experiment(tmp_path)
    inputs = read(["control"], tmp_path)
    assert "Not estimated: this takes two seeds" in page(
        measure(inputs, seed=7)[0], best=inputs.best, trials=inputs.trials
    )
    TRIALS.write(
        inputs.trials.assign(status=inputs.trials["status"].replace("stopped", "finished")), tmp_path
    )
    inputs = read(["control"], tmp_path)
    metrics = measure(inputs, seed=7)[0]
    html = page(metrics, best=inputs.best, trials=inputs.trials)
    assert "best expected by luck" in html and "Not estimated" not in html
    held = metrics.search.strategies["cross-attention"].expected_best
    assert (held.configurations, held.finished) == (3, 3)
    assert f"{100 * held.expected:.1f}</data></td>" in html
    assert metrics.search.strategies["majority"].expected_best is None
