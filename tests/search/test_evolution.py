"""Population based training inside a cohort: who learns from whom, and what is refitted of it."""

from functools import cache

import documents
import numpy as np
import pytest
from emoflow.search.evolution import perturbed, succession
from emoflow.search.results import choose, trials_table
from emoflow.search.space import member_seed
from emoflow.training.population import Member, Population
from emoflow.training.refit import Choice, refit
from hypothesis import given
from hypothesis import strategies as st
from small_cohort import SIZES, cohort, drawn, rows

MOVES = {"dropout": (0.2, 0.6), "learning_rate": (5e-4, 4e-2)}


@given(count=st.integers(0, 40), seed=st.integers(0, 99))
def test_the_lower_quarter_follows_the_upper(count, seed):
    pairs = succession(list(range(count)), np.random.default_rng(seed))
    quarter = 0 if count < 2 else -(-count // 4)
    assert [loser for loser, _ in pairs] == list(range(count - quarter, count))
    assert all(winner < quarter <= loser for loser, winner in pairs)


@given(seed=st.integers(0, 99), rate=st.floats(5e-4, 4e-2), dropout=st.floats(0.2, 0.6))
def test_a_number_moves_within_its_range(seed, rate, dropout):
    config = {"learning_rate": rate, "dropout": dropout, "layers": 2, "smoothing": 0.1}
    made = perturbed(config, MOVES, np.random.default_rng(seed))
    for name, (low, high) in MOVES.items():
        wanted = [min(max(config[name] * factor, low), high) for factor in (0.8, 1.25)]
        assert any(made[name] == pytest.approx(each, rel=1e-5) for each in wanted)
    assert {**made, "learning_rate": rate, "dropout": dropout} == config


def gone(repeats: int = 1):
    configs = [config | {"layers": 1} for config in drawn(8)]
    configs[5]["learning_rate"] = configs[6]["learning_rate"] = 1e-6
    return configs, cohort(configs, epochs=12, halvings=2, moves=MOVES, repeats=repeats)


evolved = cache(gone)


@pytest.mark.slow
def test_nobody_leaves_and_the_worst_go_on_from_the_best():
    configs, outcome = evolved()
    assert outcome == gone()[1]
    assert {(t.epochs, t.status) for t in outcome.trials} == {(12, "finished")}
    moved = [t for t in outcome.trials if t.schedule]
    assert 2 <= len(moved) <= 4
    assert {5, 6} & {t.trial for t in moved}
    for t in moved:
        (begin, first), *rest = t.schedule
        assert begin == 1 and first in configs and [epoch for epoch, _ in rest] in ([4], [7], [4, 7])
        assert t.peak.config in [config for _, config in t.schedule]


def test_a_schedule_trained_alone_gives_the_curve_that_is_told_of_it():
    configs, outcome = evolved()
    moved = max((t for t in outcome.trials if t.schedule), key=lambda t: len(t.schedule))
    choice = Choice("late-weighted", moved.peak.config, 12, {}, tuple(map(tuple, moved.schedule)))
    seed = member_seed(7, configs.index(moved.schedule[0][1]))
    alone = Population("late-weighted", [Member(moved.schedule[0][1], seed)], dimensions=SIZES, classes=3)
    losses = []
    for epochs, config in choice.parts():
        alone.reconfigure([config])
        losses += alone.fit(rows(120, 1), epochs=epochs, validation=rows(60, 2)).loss
    assert [each[0] for each in losses] == pytest.approx(outcome.curves[moved.trial][0]["loss"], abs=1e-4)


@pytest.mark.slow
def test_the_seeds_of_a_configuration_move_together():
    _, outcome = evolved(repeats=2)
    for t in outcome.trials:
        assert len(outcome.curves[t.trial]) == 2
        assert {len(curve["ua"]) for curve in outcome.curves[t.trial]} == {12}


def test_what_is_chosen_is_refitted_by_its_schedule():
    _, outcome = evolved()
    best = choose(
        {("late-weighted", 0): outcome}, absent={}, modalities=list(SIZES), budget=documents.budget()
    )
    held = best.strategies["late-weighted"].folds[0]
    choice = Choice.of("late-weighted", held)
    assert sum(epochs for epochs, _ in choice.parts()) == choice.epochs
    assert choice.parts()[-1][1] == choice.config
    assert refit(choice, seeds=[3, 4], rows=rows(60, 1), classes=3).epoch == choice.epochs
    table = trials_table({("late-weighted", 0): outcome}, absent={}, count=8, folds=[0], seeds=1)
    assert table["schedule"].notna().sum() == sum(bool(t.schedule) for t in outcome.trials)


def test_a_schedule_is_cut_or_prolonged_to_the_epochs():
    schedule = ((1, {"a": 1}), (11, {"a": 2}), (21, {"a": 3}))
    parts = [Choice("x", {}, epochs, {}, schedule).parts() for epochs in (5, 10, 11, 40)]
    assert [[epochs for epochs, _ in each] for each in parts] == [[5], [10], [10, 1], [10, 10, 20]]
    assert Choice("x", {"a": 0}, 7, {}).parts() == [(7, {"a": 0})]
