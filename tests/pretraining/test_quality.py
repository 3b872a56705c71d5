"""Clusters' entropy, purity and mutual information, of cases that can be told by hand; k-means."""

import numpy as np
import pytest
from emoflow.errors import PretrainingError
from emoflow.pretraining.clusters import clusters_of
from emoflow.pretraining.quality import entropy, mutual_information, purity


def test_entropy_is_that_of_the_frequencies():
    assert entropy(np.array([0, 0, 1, 1])) == pytest.approx(np.log(2))
    assert entropy(np.array([5, 5, 5])) == 0
    assert entropy(np.array([0, 2, 2, 2])) == pytest.approx(-0.25 * np.log(0.25) - 0.75 * np.log(0.75))


def test_purity_and_mutual_information_of_known_cases():
    units = np.array([0, 0, 1, 1, 2, 2])
    assert purity(units + 3, units) == 1 and mutual_information(units + 3, units) == pytest.approx(1)
    one = np.zeros(6, int)
    assert purity(one, units) == pytest.approx(1 / 3) and mutual_information(one, units) == pytest.approx(0)
    halves = np.array([0, 0, 0, 1, 1, 1])
    assert purity(halves, units) == pytest.approx(4 / 6)
    assert 0 < mutual_information(halves, units) < 1
    assert mutual_information(units, one) == 0


def test_clusters_find_what_is_apart_and_are_the_same_again():
    draws = np.random.default_rng(0)
    units = draws.integers(0, 4, 400)
    features = 10 * np.eye(4)[units] + 0.1 * draws.normal(size=(400, 4))
    known = np.ones(400, bool)
    known[:5] = False
    found = clusters_of(features, known, count=4, seed=1)
    assert (found.numbers[:5] == -1).all() and (found.numbers[5:] >= 0).all()
    assert purity(found.numbers[5:], units[5:]) == 1
    assert found.inertia == pytest.approx(4 * 0.1**2, rel=0.2)
    again = clusters_of(features, known, count=4, seed=1)
    np.testing.assert_array_equal(found.numbers, again.numbers)
    assert found.inertia == again.inertia


def test_fewer_frames_than_clusters_are_refused():
    with pytest.raises(PretrainingError, match="3 frames cannot make 4 clusters"):
        clusters_of(np.zeros((5, 2)), np.array([True, True, True, False, False]), count=4, seed=0)
