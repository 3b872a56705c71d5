"""Whether the folds agree on which configurations are good, in simulated searches; and where nothing is said."""

import documents
import numpy as np
import pandas as pd
import pytest
from emoflow.evaluation.agreement import agreement, reading
from emoflow.evaluation.searched import chosen_curves, described
from scipy.stats import spearmanr

FOLDS, CONFIGURATIONS, SEEDS, NOISE = 4, 9, 2, 0.03
BUDGET = documents.budget(configurations=CONFIGURATIONS, folds=FOLDS, seeds=SEEDS, rungs=[1, 2])


def searched(ua: np.ndarray, *, stopped: int = 0) -> pd.DataFrame:
    """Trials with these UA ``[folds, configurations]``, of which the worst of each fold were stopped."""
    rank = (-ua).argsort(1).argsort(1)
    return pd.DataFrame(
        [
            {
                "strategy": "audio",
                "fold": fold,
                "trial": trial,
                "seed": seed,
                "ensemble_ua": 1 - ua[fold, trial],
            }
            | {"ua": ua[fold, trial] + 0.01 * (seed - 0.5), "epochs": 2, "rung": 1}
            | {"status": "finished" if rank[fold, trial] < ua.shape[1] - stopped else "stopped"}
            for fold, trial in np.ndindex(ua.shape)
            for seed in range(SEEDS)
        ]
    )


def chosen(ua: np.ndarray) -> dict:
    return {fold: documents.chosen(trial=int(row.argmax())) for fold, row in enumerate(ua)}


def drawn(generator: np.random.Generator, effect: float) -> np.ndarray:
    quality = 0.6 + generator.normal(0, effect, (1, CONFIGURATIONS))
    return quality + generator.normal(0, NOISE, (FOLDS, CONFIGURATIONS))


@pytest.mark.slow
@pytest.mark.parametrize("stopped", [0, 5])
def test_of_noise_alone_the_folds_agree_as_chance_has_it_and_of_an_effect_they_do(stopped):
    generator = np.random.default_rng(0)
    noise, effect = (
        [
            agreement(searched(ua, stopped=stopped), "audio", chosen(ua), BUDGET)
            for ua in (drawn(generator, size) for _ in range(60))
        ]
        for size in (0.0, 2 * NOISE)
    )
    assert abs(np.mean([each.correlation for each in noise])) < 0.05
    assert np.mean([each.p < 0.05 for each in noise]) < 0.12
    assert np.mean([each.rank for each in noise]) == pytest.approx(noise[0].by_chance, abs=0.5)
    assert np.mean([each.correlation for each in effect]) > 0.6
    assert np.mean([each.p < 0.05 for each in effect]) > 0.9
    assert np.mean([each.rank for each in effect]) < 2.5


def test_by_hand():
    ua = np.array([[0.9, 0.8, 0.7, 0.6], [0.6, 0.9, 0.8, 0.7], [0.8, 0.9, 0.6, 0.7]])
    held = agreement(searched(ua), "audio", chosen(ua), BUDGET)
    pairs = [spearmanr(ua[i], ua[j]).statistic for i, j in ((0, 1), (0, 2), (1, 2))]
    assert held.correlation == pytest.approx(np.mean(pairs))
    assert held.rank == pytest.approx(np.mean([4, 2, 2, 1, 2, 1]))
    assert (held.configurations, held.folds, held.by_chance) == (4, 3, 2.5)


def test_a_configuration_that_was_stopped_is_behind_all_that_were_not():
    ua = np.array([[0.9, 0.8, 0.7, 0.6], [0.9, 0.8, 0.7, 0.6]])
    trials = searched(ua)
    early = trials["fold"].eq(1) & trials["trial"].eq(0)
    trials = trials.assign(status=trials["status"].mask(early, "stopped"), rung=trials["rung"].mask(early, 0))
    assert agreement(trials, "audio", chosen(ua), BUDGET).rank == np.mean([4, 1])
    failed = trials.assign(ua=trials["ua"].mask(early), status=trials["status"].mask(early, "failed"))
    assert agreement(failed, "audio", chosen(ua), BUDGET).rank == np.mean([4, 1])


def test_what_is_chosen_by_is_what_the_folds_rank_by():
    ua = np.array([[0.9, 0.8, 0.7, 0.6], [0.9, 0.8, 0.6, 0.7]])
    by_ensemble = BUDGET.model_copy(update={"choose_by": "ensemble"})
    ranks = [agreement(searched(ua), "audio", chosen(ua), budget).rank for budget in (BUDGET, by_ensemble)]
    assert ranks == [1.0, 4.0]


@pytest.mark.parametrize(
    ("ua", "budget"),
    [
        (drawn(np.random.default_rng(1), 0.1)[:1], BUDGET),
        (drawn(np.random.default_rng(1), 0.1)[:, :2], BUDGET),
        (np.ones((2, 4)), BUDGET),
        (drawn(np.random.default_rng(1), 0.1), BUDGET.model_copy(update={"proposals": "tpe"})),
        (drawn(np.random.default_rng(1), 0.1), BUDGET.model_copy(update={"evolve": True})),
    ],
    ids=["one fold", "two configurations", "all alike", "TPE", "population-based training"],
)
def test_where_the_folds_cannot_be_compared_nothing_is_said(ua, budget):
    assert agreement(searched(ua), "audio", chosen(ua), budget) is None


def test_the_reading_says_what_decided():
    def said(ua: np.ndarray, **decision) -> str:
        picked = {n: documents.chosen(trial=each.trial, **decision) for n, each in chosen(ua).items()}
        best = documents.best({"audio": picked}, budget=BUDGET)
        curves = pd.DataFrame(columns=["strategy", "fold", "trial", "seed", "epoch", "loss", "ua"])
        return reading(described(searched(ua), chosen_curves(curves, best), best).strategies["audio"])

    alike = said(np.tile(np.linspace(0.5, 0.9, CONFIGURATIONS), (FOLDS, 1)))
    assert "more alike than noise would (mean rank correlation 1.00" in alike and "number 1.0" in alike
    assert "not shown" in said(drawn(np.random.default_rng(2), 0.0))
    assert said(np.ones((2, 4)), decision={"by": "loss", "equal": 3}).startswith(
        "on 2 of 2 folds UA did not tell"
    )
    assert said(np.ones((2, 4))) == ""
