"""Which configuration is registered: the best by the mean over the folds, where they tried the same."""

import documents
import numpy as np
from emoflow.artifacts.search import StrategyChoice
from emoflow.search.results import best_across_folds, choose
from emoflow.training.refit import choice_for_everything
from made_trials import outcome, trial


def searched(ua: np.ndarray) -> StrategyChoice:
    """``best.json``'s entry of a strategy with these validation scores ``[folds, configurations]``."""
    outcomes = {
        ("audio", fold): outcome(
            *(trial(i, float(x), config={"dropout": i / 100}) for i, x in enumerate(row))
        )
        for fold, row in enumerate(ua)
    }
    best = choose(outcomes, absent={}, modalities=["audio"], budget=documents.budget())
    return best.strategies["audio"]


def test_the_mean_over_folds_loses_less_than_votes():
    """Simulated: 5 folds of unlike difficulty, 12 configurations, a point of noise each; regret in points of UA."""
    generator = np.random.default_rng(0)
    regret = {"votes": [], "mean": []}
    for _ in range(200):
        truth = generator.normal(0.6, 0.01, size=12)
        ua = truth + generator.normal(0, 0.03, size=(5, 1)) + generator.normal(0, 0.01, size=(5, 12))
        entry = searched(ua)
        for rule, held in (("mean", entry), ("votes", entry.model_copy(update={"across_folds": None}))):
            number = round(100 * choice_for_everything("audio", held).config["dropout"])
            regret[rule].append(100 * (truth.max() - truth[number]))
    assert np.mean(regret["mean"]) < 0.8 * np.mean(regret["votes"]), {
        k: np.mean(v) for k, v in regret.items()
    }


def test_what_is_chosen_brings_its_own_epochs_and_weights():
    folds = [
        outcome(trial(0, 0.5, epoch=2, fitted={"w": [1.0]}), trial(1, 0.6, status="stopped")),
        outcome(trial(0, 0.9, epoch=6, fitted={"w": [3.0]}), trial(1, 0.7)),
    ]
    made = best_across_folds(folds)
    assert (made.trial, made.epochs, made.fitted, made.validation.ua) == (
        0,
        4,
        {"w": [2.0]},
        0.7,
    )


def test_what_failed_somewhere_or_finished_nowhere_is_not_chosen():
    failed = trial(0, None, None, status="failed", epoch=None)
    stopped = trial(1, 0.8, status="stopped")
    folds = [
        outcome(failed, stopped, trial(2, 0.4)),
        outcome(trial(0, 0.9), stopped, trial(2, 0.4)),
    ]
    assert best_across_folds(folds).trial == 2


def test_where_the_configurations_differ_there_is_none():
    other = trial(0, 0.5, config={"dropout": 0.5})
    assert best_across_folds([outcome(trial(0, 0.5)), outcome(other)]) is None
    moved = trial(0, 0.5, schedule=[[1, {}], [2, {}]])
    assert best_across_folds([outcome(moved), outcome(moved)]) is None
