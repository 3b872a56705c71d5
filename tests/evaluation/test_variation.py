"""Intervals and tests over folds and seeds: by hand, by SciPy without the correction, by their error rate."""

import numpy as np
import pandas as pd
import pytest
from emoflow.evaluation.variation import held_out_ratio, over_folds
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp


def test_without_overlap_it_is_the_t_test_of_the_folds():
    values = np.random.default_rng(0).normal(0.1, 0.1, (5, 3))
    held, expected = over_folds(values, ratio=0.0), ttest_1samp(values.mean(1), 0.0)
    bounds = expected.confidence_interval(0.95)
    assert (held.over, held.n) == ("folds", 5)
    assert held.p == pytest.approx(expected.pvalue)
    assert (held.low, held.high) == pytest.approx((bounds.low, bounds.high))


def test_the_correction_is_nadeau_and_bengios():
    values = np.array([[0.1], [0.2], [0.3], [0.2]])
    held = over_folds(values, ratio=1 / 3)
    error = np.sqrt((1 / 4 + 1 / 3) * np.var([0.1, 0.2, 0.3, 0.2], ddof=1))
    assert held.high - held.mean == pytest.approx(3.182446 * error, rel=1e-5)  # t, 3 degrees of freedom


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(1, 4))
def test_more_overlap_is_less_certain_and_the_mean_stays(seed, folds, seeds):
    values = np.random.default_rng(seed).normal(0.02, 0.01, (folds, seeds))
    plain, corrected = over_folds(values, ratio=0.0), over_folds(values, ratio=0.25)
    assert corrected.mean == pytest.approx(values.mean())
    assert corrected.low < plain.low < plain.mean < plain.high < corrected.high
    assert corrected.p > plain.p
    turned = over_folds(-values, ratio=0.25)
    assert (turned.low, turned.p) == pytest.approx((-corrected.high, corrected.p))


def test_seeds_are_no_further_observations():
    values = np.random.default_rng(1).normal(0.1, 0.1, (4, 1))
    often, once = over_folds(np.repeat(values, 5, axis=1), ratio=0.3), over_folds(values, ratio=0.3)
    assert (often.n, often.low, often.p) == pytest.approx((once.n, once.low, once.p))


def test_one_fold_varies_by_its_seeds_alone_and_one_figure_not_at_all():
    alone = over_folds(np.array([[0.5, 0.6, 0.7]]), ratio=0.3)
    assert (alone.over, alone.n) == ("seeds", 3)
    assert alone.p == pytest.approx(ttest_1samp([0.5, 0.6, 0.7], 0.0).pvalue)
    single = over_folds(np.array([[0.5]]), ratio=0.3)
    assert (single.mean, single.low, single.p, single.over) == (0.5, None, None, None)


def test_equal_strategies_do_not_differ():
    assert over_folds(np.zeros((4, 3)), ratio=0.3).p == 1.0


@pytest.mark.slow
def test_where_training_sets_overlap_the_level_is_kept_and_without_the_correction_it_is_not():
    """Folds' figures of one experiment share most of their training rows, so they err together."""
    generator, ratio = np.random.default_rng(2), 0.25
    together = generator.normal(
        0, np.sqrt(ratio / (1 + ratio)), (2000, 1, 1)
    )  # the correlation that they assume
    values = together + generator.normal(0, np.sqrt(1 / (1 + ratio)), (2000, 5, 1))
    wrong = {at: np.mean([over_folds(each, ratio=at).p < 0.05 for each in values]) for at in (0.0, ratio)}
    assert wrong[ratio] < 0.07 < 0.1 < wrong[0.0]


def test_the_ratio_is_of_tested_to_learnt_rows():
    roles = ["test"] * 2 + ["validation"] * 2 + ["train"] * 4 + ["unlabelled"] * 9
    fold = pd.DataFrame({"utterance_id": range(len(roles)), "fold": 0, "role": roles})
    assert held_out_ratio(fold) == pytest.approx(2 / 6)
    twice = pd.concat([fold, fold[fold["role"] == "test"].assign(role="validation")])
    assert held_out_ratio(twice) == pytest.approx(2 / 6)  # validation is the test: nobody learns from it


def test_no_bound_is_beyond_what_a_figure_can_be():
    figure = over_folds(np.array([[0.2], [0.9]]), ratio=0.5, lowest=0.0)
    assert (figure.low, figure.high) == (0.0, 1.0)
    assert over_folds(np.array([[-0.4], [0.7]]), ratio=0.5).low == -1.0
