"""What is said of the search is what its tables record: the budget, and whether every strategy had the same."""

import documents
import pandas as pd
import pytest
from emoflow.artifacts.reports import Epochs, Search, TrialCounts
from emoflow.artifacts.search import Best
from emoflow.errors import EvaluationError
from emoflow.evaluation.searched import chosen_curves, described, learning

FOLDS, SEEDS, EPOCHS = 2, 2, 4
BUDGET = {"configurations": 2, "seeds": SEEDS, "epochs": EPOCHS, "folds": FOLDS, "rungs": [2, EPOCHS]}
BUDGET |= {"proposals": "spread", "batches": 1, "patience": None, "evolve": False}


def trials() -> pd.DataFrame:
    """Two strategies, two configurations (the second stopped halfway) with two seeds on two folds."""
    rows = [
        {"strategy": name, "fold": fold, "trial": trial, "seed": seed, "epochs": EPOCHS // (1 + trial)}
        | {"status": "stopped" if trial else "finished", "ua": 0.5 + 0.1 * fold + 0.02 * seed, "rung": 0}
        for name in ("audio", "late-average")
        for fold in range(FOLDS)
        for trial in range(2)
        for seed in range(SEEDS)
    ]
    return pd.DataFrame(rows)


def curves() -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame({"epoch": range(1, row.epochs + 1)}).assign(
                strategy=row.strategy, fold=row.fold, trial=row.trial, seed=row.seed, ua=row.ua, loss=1.0
            )
            for row in trials().itertuples()
        ]
    )


def best(**changes) -> Best:
    folds = {fold: documents.chosen() for fold in range(FOLDS)}
    budget = documents.budget(**BUDGET | changes)
    return documents.best({"audio": folds, "late-average": folds}, budget=budget)


def summary(table: pd.DataFrame, **budget) -> Search:
    return described(table, chosen_curves(curves(), best()), best(**budget))


def test_the_same_for_every_strategy_is_said_and_what_was_spared():
    search = summary(trials())
    assert search.equal and search.departures == []
    assert search.statement == (
        "Every strategy had the same: 2 configurations (spread evenly over its space) × 2 seeds on each of 2 folds, up "
        "to 4 epochs each, the better half going on after epoch 2."
    )
    assert search.trials == TrialCounts(total=16, finished=8, stopped=8, failed=0, left_out=0)
    assert search.epochs == Epochs(trained=8 * 4 + 8 * 2, possible=16 * 4)
    assert search.strategies["audio"].epochs_trained == 24


def test_another_way_of_searching_is_said():
    learnt = summary(trials(), proposals="tpe", batches=3, patience=5).statement
    assert "(proposed by a tree-structured Parzen estimator in 3 batches)" in learnt
    assert learnt.endswith(", the better half going on after epoch 2, ended by 5 epochs without gain.")
    bred = summary(trials(), proposals="random", evolve=True, rungs=[1, 2, 4]).statement
    assert "(drawn at random)" in bred
    assert bred.endswith(", the lower quarter going on as changed copies of the upper after epochs 1 and 2.")


def change(**at):
    """Drop the rows at these places."""
    return lambda table: table[~(table[list(at)] == pd.Series(at)).all(axis=1)]


DEPARTURES = {
    "a configuration less": (
        change(strategy="audio", fold=1, trial=1),
        "audio had 1 of 2 configurations on fold 1",
    ),
    "a seed less": (change(strategy="audio", fold=0, trial=0, seed=1), "audio had 1 of 2 seeds on fold 0"),
    "a fold less": (
        lambda table: pd.concat(
            [table, table[(table["strategy"] == "audio") & (table["fold"] == 0)].assign(strategy="face")]
        ),
        "face had no trial on fold 1",
    ),
    "another seed": (
        lambda table: table.assign(
            seed=table["seed"].mask((table["strategy"] == "audio") & (table["seed"] == 1), 7)
        ),
        "audio had 2 of 3 seeds on fold 0",
    ),
    "more epochs": (
        lambda table: table.assign(epochs=table["epochs"].mask(table["strategy"] == "audio", 9)),
        "audio had 9 of 4 epochs on fold 0",
    ),
    "fewer epochs": (
        lambda table: table.assign(epochs=table["epochs"].mask(table["strategy"] == "audio", 3)),
        "audio ended after 3 of 4 epochs on fold 1",
    ),
}


@pytest.mark.parametrize("departure", DEPARTURES)
def test_what_was_not_the_same_is_not_said_to_be(departure):
    spoil, expected = DEPARTURES[departure]
    search = summary(spoil(trials()))
    assert not search.equal and search.statement.startswith("Not every strategy had the same budget: ")
    assert any(expected in each for each in search.departures), search.departures


def test_early_stopping_is_no_departure_and_neither_is_a_baseline_or_what_was_left_out():
    short = trials().assign(epochs=2)
    assert not summary(short).equal
    assert summary(short, patience=2).equal
    more = [
        {"strategy": "majority", "fold": fold, "trial": 0, "seed": 0, "epochs": 0, "status": "finished"}
        for fold in range(FOLDS)
    ]
    more.append({"strategy": "gesture", "fold": 0, "trial": 0, "seed": 0, "epochs": 0, "status": "left out"})
    search = summary(pd.concat([trials(), pd.DataFrame(more)]))
    assert search.equal and search.trials.left_out == 1
    assert search.epochs.possible == summary(trials()).epochs.possible + FOLDS * EPOCHS


def test_validation_is_of_the_choice_over_folds_and_seeds():
    search = summary(trials()).strategies["audio"].validation
    assert search.folds == [pytest.approx([0.5, 0.52]), pytest.approx([0.6, 0.62])]
    assert search.ua == pytest.approx(0.56)
    assert search.sd == pytest.approx(pd.Series([0.5, 0.52, 0.6, 0.62]).std())


def test_a_choice_that_is_no_trial_is_refused():
    lost = documents.best({"audio": {0: documents.chosen(), 1: documents.chosen(trial=5)}})
    with pytest.raises(EvaluationError, match="audio, fold 1: the choice is trial 5"):
        described(trials(), chosen_curves(curves(), best()), lost)


def test_a_learning_curve_is_of_the_choices_alone_and_says_of_how_many():
    chosen = chosen_curves(curves(), best())
    assert set(chosen["trial"]) == {0}
    search = learning(chosen[chosen["strategy"] == "audio"])
    assert search.epoch == [1, 2, 3, 4] and search.curves == [4] * 4
    assert search.ua == pytest.approx([0.56] * 4)
    assert search.ua_sd == pytest.approx([pd.Series([0.5, 0.52, 0.6, 0.62]).std()] * 4, abs=1e-6)
    short = chosen[(chosen["strategy"] == "audio") & ((chosen["fold"] == 0) | (chosen["epoch"] < 3))]
    assert learning(short).curves == [4, 4, 2, 2]
    assert learning(short).ua[-1] == pytest.approx(0.51)
    assert learning(chosen.head(0)).epoch == []
