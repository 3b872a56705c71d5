"""Entropy and BALD against their definitions, term by term, and what holds of them whatever the probabilities."""

import math

import numpy as np
import pytest
from emoflow.evaluation.active_learning.acquisition import bald, most, predictive_entropy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import entropy


@st.composite
def ensembles(draw, least_members: int = 1) -> np.ndarray:
    """Probabilities ``[K, N, C]``, some of them exactly 0."""
    shape = (draw(st.integers(least_members, 5)), draw(st.integers(1, 4)), draw(st.integers(2, 6)))
    weights = draw(arrays(float, shape, elements=st.one_of(st.just(0.0), st.floats(1e-6, 1.0))))
    weights[..., 0] += (weights.sum(-1) == 0).astype(float)
    return weights / weights.sum(-1, keepdims=True)


@given(ensembles())
def test_the_entropy_is_that_of_the_mean_posterior(probabilities):
    expected = entropy(probabilities.mean(0), axis=-1)
    np.testing.assert_allclose(predictive_entropy(probabilities), expected, atol=1e-12)
    assert (predictive_entropy(probabilities) <= math.log(probabilities.shape[-1]) + 1e-12).all()


@given(ensembles())
def test_bald_is_the_mutual_information_of_label_and_member(probabilities):
    """I(y; k) = Σ p(y, k) ln (p(y, k) / p(y) p(k)), summed over the joint table."""
    members, clips, classes = probabilities.shape
    for n in range(clips):
        expected = 0.0
        for k in range(members):
            for c in range(classes):
                p, mean = probabilities[k, n, c], probabilities[:, n, c].mean()
                expected += p / members * math.log(p / mean) if p > 0 else 0.0
        assert bald(probabilities)[n] == pytest.approx(expected, abs=1e-9)


@given(ensembles())
def test_bald_lies_between_0_and_the_entropy(probabilities):
    scores = bald(probabilities)
    assert (scores >= 0).all() and (scores <= predictive_entropy(probabilities) + 1e-12).all()


@given(ensembles(), st.integers(1, 5))
def test_members_that_agree_have_no_bald(probabilities, members):
    alike = np.repeat(probabilities[:1], members, axis=0)
    np.testing.assert_allclose(bald(alike), 0, atol=1e-12)


def test_ambiguous_to_all_and_disagreed_on_are_told_apart():
    ambiguous, disputed = [[0.5, 0.5], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]]
    probabilities = np.array([ambiguous, disputed]).transpose(1, 0, 2)
    np.testing.assert_allclose(predictive_entropy(probabilities), [math.log(2)] * 2)
    np.testing.assert_allclose(bald(probabilities), [0, math.log(2)], atol=1e-12)


def test_the_highest_come_first_and_of_equal_ones_the_first():
    assert most(np.array([0.1, 0.9, 0.5, 0.9, 0.5]), 4).tolist() == [1, 3, 2, 4]
