"""The tests between strategies: against SciPy's where it has one, by construction elsewhere."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from emoflow.artifacts.reports import Interval
from emoflow.errors import EvaluationError
from emoflow.evaluation import ceilings, metrics
from emoflow.evaluation.comparison import holm, least, mcnemar_above, sign_flip, ua_shares
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, permutation_test

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_holm_is_the_textbooks():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(p_values)
def test_holm_lies_between_the_raw_and_bonferronis(values):
    adjusted = holm(values)
    assert all(p <= held <= min(1, p * len(values)) + 1e-12 for p, held in zip(values, adjusted, strict=True))
    order = np.argsort(values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_exact_binomial(first, second):
    if first + second:
        expected = binomtest(first, first + second, alternative="greater").pvalue
        assert mcnemar_above(first, second) == pytest.approx(expected)
    else:
        assert mcnemar_above(first, second) == 1


def test_mcnemar_holds_for_many_utterances():
    assert mcnemar_above(10_000, 10_000) == pytest.approx(0.5, abs=0.01)


def alone(differences: np.ndarray) -> float:
    return sign_flip([differences], seed=0)[0].item()


def test_the_sign_flip_is_scipys():
    differences = np.random.default_rng(0).normal(0.1, 0.3, 9)
    expected = permutation_test(
        (differences,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    ).pvalue
    assert alone(differences) == pytest.approx(expected)


def test_the_sign_flip_with_many_speakers_is_near_the_exact_one_and_repeats():
    differences = np.random.default_rng(1).normal(0.05, 0.2, 24)
    drawn = alone(differences)
    assert drawn == alone(differences)
    patterns = np.random.default_rng(5).choice([-1.0, 1.0], (200_000, 24))
    expected = (np.abs(patterns @ differences) >= abs(differences.sum())).mean()
    assert drawn == pytest.approx(expected, abs=0.02)


def test_no_difference_is_no_evidence():
    assert alone(np.zeros(8)) == 1


def test_no_evidence_is_stronger_than_the_least():
    for speakers in (3, 8, 20):
        assert alone(np.ones(speakers)) == pytest.approx(least(speakers), rel=0.5 if speakers > 14 else 1e-9)


@pytest.mark.parametrize("speakers", [6, 18])
def test_corrected_p_values_are_the_step_down_max_t_by_hand(speakers):
    generator = np.random.default_rng(speakers)
    differences = generator.normal([[0.0], [0.1], [0.3]], 0.2, (3, speakers))
    raw, corrected = sign_flip(differences, seed=0)
    size = np.abs(differences.sum(1)) / np.sqrt((differences**2).sum(1))
    if speakers <= 14:
        signs = np.array(list(product([1.0, -1.0], repeat=speakers)))
    else:
        signs = np.random.default_rng(5).choice([-1.0, 1.0], (100_000, speakers))
    flipped = np.abs(signs @ differences.T) / np.sqrt((differences**2).sum(1))
    expected, so_far, left = np.empty(3), 0.0, list(np.argsort(-size))
    while left:
        so_far = max(so_far, (flipped[:, left].max(1) >= size[left[0]] - 1e-9).mean())
        expected[left.pop(0)] = so_far
    assert corrected == pytest.approx(expected, abs=1e-9 if speakers <= 14 else 0.02)
    assert (corrected >= raw).all()


def test_one_pair_needs_no_correction_and_none_gives_none():
    raw, corrected = sign_flip([np.random.default_rng(3).normal(0.1, 0.2, 9)], seed=0)
    assert raw == pytest.approx(corrected)
    assert [len(values) for values in sign_flip([], seed=0)] == [0, 0]


def test_choosing_the_best_by_the_tested_utterances_claims_no_more_than_it_may():
    """Of equally good strategies the one that suits these speakers is chosen: its tests must not claim that it is
    better. Correcting over its own comparisons alone claims so twice as often as it may."""
    generator, strategies, studies = np.random.default_rng(5), 6, 500
    pairs, claimed = list(combinations(range(strategies), 2)), {"all pairs": 0, "its own": 0}
    for _ in range(studies):
        weight = generator.dirichlet(np.full(10, 3.0))  # speakers have unevenly many clips
        shares = generator.normal(0.6, 0.05, (strategies, 10)) * weight
        best = shares.sum(1).argmax()  # validation of all folds is of the same speakers
        raw, corrected = sign_flip([shares[one] - shares[other] for one, other in pairs], seed=0)
        of_best = np.array([best in pair for pair in pairs])
        claimed["all pairs"] += (corrected[of_best] < 0.05).any()
        claimed["its own"] += min(holm(raw[of_best].tolist())) < 0.05
    assert claimed["all pairs"] / studies < 0.05 < 0.07 < claimed["its own"] / studies, claimed


@given(st.integers(0, 1000))
def test_the_speakers_shares_add_up_to_ua(seed):
    counts = np.random.default_rng(seed).integers(0, 4, (5, 4, 4))
    assert ua_shares(counts).sum() == pytest.approx(float(metrics.ua(counts.sum(0))))


def test_honest_strategies_seldom_beat_the_oracle_and_leaking_ones_always_do():
    generator, alarms = np.random.default_rng(0), 0
    truth = np.arange(336) % 7
    for _ in range(200):
        oracle = {"audio": generator.random(336) < 0.75}
        honest = {f"s{n}": generator.random(336) < 0.75 for n in range(8)}
        compared = ceilings.compare(honest, oracle, dict.fromkeys(honest, "audio"), truth)
        alarms += any(each.above for each in compared)
    assert alarms / 200 < 0.1

    leaking = {"audio": generator.random(336) < 0.9}
    assert ceilings.compare(leaking, oracle, {"audio": "audio"}, truth)[0].above


def test_an_oracle_that_lacks_an_utterance_is_refused():
    oracle = pd.DataFrame(
        {"utterance_id": ["a/1"], "subset": "audio", "prediction": "anger", "correct": True}
    )
    with pytest.raises(EvaluationError, match="lacks: a/2"):
        ceilings.oracle_right(oracle, np.array(["a/1", "a/2"]))


def test_a_subset_has_one_spelling():
    right = ceilings.oracle_right(
        pd.DataFrame({"utterance_id": ["a/1"], "subset": "text+audio", "correct": [True]}), np.array(["a/1"])
    )
    assert list(right) == ["audio+text"]


@pytest.mark.parametrize(
    ("mean", "low", "high", "ok"),
    [(0.14, 0.13, 0.15, True), (0.2, 0.1, 0.3, True), (0.2, 0.18, 0.22, False), (0.2, None, None, False)],
)
def test_text_at_chance_is_within_three_points_or_its_interval(mean, low, high, ok):
    assert ceilings.text_at_chance(Interval(mean=mean, low=low, high=high), 8) is ok
