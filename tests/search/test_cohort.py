"""Configurations, cohorts and the choice that validation makes."""

import documents
import numpy as np
import pytest
from emoflow.errors import SearchError
from emoflow.fusion.strategy import build, parameter_count
from emoflow.search.cohort import rungs
from emoflow.search.curves import best_window, centre, smoothed
from emoflow.search.outcome import Outcome
from emoflow.search.results import choose, curves_table, trials_table
from emoflow.search.space import configurations
from small_cohort import SIZES, cohort, drawn


def test_configurations_are_the_same_for_a_seed_and_cover_each_axis():
    made = [configurations("early-concatenation", modalities=["audio"], count=12, seed=s) for s in (7, 7, 8)]
    assert made[0] == made[1] != made[2]
    decay = sorted(config["weight_decay"] for config in made[0])
    assert decay[0] < 1.5e-3 and decay[-1] > 6e-2
    assert {config["layers"] for config in made[0]} == {1, 2}
    assert sum(config["layers"] == 1 for config in made[0]) == 6


def test_an_unknown_strategy_is_named_with_the_nearest():
    with pytest.raises(
        SearchError, match=r"search\.strategies.*'cross-atention'.*did you mean 'cross-attention'"
    ):
        configurations("cross-atention", modalities=["audio"], count=2, seed=7)


def test_rungs():
    assert rungs(40, 2) == [10, 20, 40]
    assert rungs(5, 0) == [5]
    with pytest.raises(SearchError, match="halvings is 3, too many for 4 epochs; at most 2"):
        rungs(4, 3)


def test_the_better_half_goes_on():
    outcome = cohort(drawn())
    assert [t.trial for t in outcome.trials] == list(range(6))
    assert sorted((t.epochs, t.status) for t in outcome.trials) == [
        (2, "stopped"), (2, "stopped"), (2, "stopped"), (4, "stopped"), (8, "finished"), (8, "finished"),
    ]  # fmt: skip
    for t in outcome.trials:
        assert len(outcome.curves[t.trial][0]["ua"]) == t.epochs
        window = t.peak.epoch - 1 - centre(t.epochs)
        assert t.peak.ua == pytest.approx(smoothed(outcome.curves[t.trial][0]["ua"])[window], abs=1e-6)
        assert len(t.peak.fitted["weights"]) == len(SIZES) and min(t.peak.fitted["weights"]) > 0


def test_a_trial_says_how_many_parameters_its_model_has():
    (trial,) = cohort(drawn(1), halvings=0, epochs=1).trials
    model = build("late-weighted", dimensions=SIZES, classes=3, config=trial.peak.config)
    assert trial.parameters == parameter_count(model)


@pytest.mark.slow
def test_the_same_cohort_twice_and_through_json():
    first, again = cohort(drawn()), cohort(drawn())
    assert first == again == Outcome.from_json(first.to_json())


def test_a_trial_does_not_depend_on_the_others():
    configs = drawn()
    whole, part = cohort(configs, halvings=0, epochs=3), cohort(configs[:2], halvings=0, epochs=3)
    for i in range(2):
        assert part.curves[i][0]["loss"] == pytest.approx(whole.curves[i][0]["loss"], abs=1e-4)


def test_configurations_that_cannot_share_a_population_share_a_cohort():
    changes = ({"layers": 1}, {"layers": 2}, {"adversarial": 0.1, "adversarial_steps": 2}, {})
    configs = [config | change for config, change in zip(drawn(4), changes, strict=True)]
    outcome = cohort(configs, halvings=0, epochs=1)
    assert [t.peak.config for t in outcome.trials] == configs
    assert {t.status for t in outcome.trials} == {"finished"}


def test_a_diverging_trial_is_failed_and_never_the_best():
    configs = drawn(4)
    configs[0]["learning_rate"] = float("inf")
    outcome = cohort(configs, halvings=1)
    assert outcome.trials[0].status == "failed"
    assert "no longer finite" in outcome.trials[0].reason
    assert Outcome.from_json(outcome.to_json()).trials[0].peak.ua is None
    best = choose(
        {("late-weighted", 0): outcome}, absent={}, modalities=["audio"], budget=documents.budget(folds=1)
    )
    assert best.strategies["late-weighted"].folds[0].trial != 0
    assert best.budget == documents.budget(folds=1, failed=1)


def test_where_all_fail_the_search_says_why():
    configs = [config | {"learning_rate": float("inf")} for config in drawn(2)]
    outcomes = {("late-weighted", 0): cohort(configs, halvings=0, epochs=2)}
    with pytest.raises(SearchError, match=r"late-weighted: every configuration failed on fold 0.*finite"):
        choose(outcomes, absent={}, modalities=["audio"], budget=documents.budget())


def test_a_modality_that_is_absent_is_left_out():
    outcomes = {("late-weighted", fold): cohort(drawn(2), halvings=0, epochs=2) for fold in (0, 1)}
    absent = {"face": "nobody has it"}
    best = choose(outcomes, absent=absent, modalities=["audio"], budget=documents.budget(folds=2))
    assert best.modalities == ["audio"]
    assert best.best == "late-weighted"
    assert best.per_fold_best == {0: "late-weighted", 1: "late-weighted"}
    assert best.left_out == absent
    table = trials_table(outcomes, absent=absent, count=3, folds=[0, 1], seeds=2)
    assert set(table[table["strategy"] == "face"]["status"]) == {"left out"}
    assert set(table[table["strategy"] == "face"]["reason"]) == {"nobody has it"}
    assert len(table[table["strategy"] == "face"]) == 3 * 2 * 2
    assert len(curves_table(outcomes)) == 2 * 2 * 2


def test_a_tie_goes_to_the_lower_loss():
    assert best_window([0.5, 0.5, 0.5, 0.5], [0.9, 0.2, 0.8, 0.9]) == 1


def test_curves_are_smoothed_over_full_windows_only():
    assert smoothed([0, 0, 5, 0, 0, 10]).tolist() == [1, 3]
    assert smoothed([1, 2]).tolist() == [1.5]
    assert [centre(epochs) for epochs in (1, 2, 5, 40)] == [0, 1, 2, 2]


def test_on_noise_no_epoch_is_chosen_more_often_for_its_place():
    """Neighbouring windows share epochs, so that the two outermost win somewhat more often than the mean."""
    generator = np.random.default_rng(0)
    epochs, count = 20, 4000
    chosen = np.zeros(epochs)
    for ua, loss in generator.normal(size=(count, 2, epochs)):
        chosen[best_window(smoothed(ua), smoothed(loss)) + centre(epochs)] += 1
    there = chosen[centre(epochs) : epochs - centre(epochs)]
    assert there.sum() == count and there.max() / there.mean() < 2.0, chosen
