"""Shapley values and interactions against their definitions over orders, and on games of known answer."""

from itertools import permutations
from math import isclose

import numpy as np
import pytest
from emoflow.evaluation.contributions.shapley import interactions, shapley_values
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


def games(players: int):
    return arrays(float, 1 << players, elements=st.floats(-1, 1, width=32))


def index(players) -> int:
    return sum(1 << player for player in players)


def by_orders(values: np.ndarray, player: int, players: int) -> float:
    """The definition: what the player adds when it joins, over all orders."""
    added = []
    for order in permutations(range(players)):
        before = order[: order.index(player)]
        added.append(values[index([*before, player])] - values[index(before)])
    return float(np.mean(added))


def by_orders_of_pairs(values: np.ndarray, pair: tuple[int, int], players: int) -> float:
    """The same of a pair that joins as one, over all orders of it and the other players."""
    others = [player for player in range(players) if player not in pair]
    added = []
    for order in permutations([*others, pair]):
        before = list(order[: order.index(pair)])
        i, j = pair
        added.append(
            values[index([*before, i, j])] - values[index([*before, i])] - values[index([*before, j])]
            + values[index(before)]
        )  # fmt: skip
    return float(np.mean(added))


@given(st.integers(1, 4).flatmap(lambda players: games(players)))
def test_values_are_means_over_all_orders(values):
    players = len(values).bit_length() - 1
    found = shapley_values(values)
    np.testing.assert_allclose(found, [by_orders(values, p, players) for p in range(players)], atol=1e-9)
    assert isclose(found.sum(), values[-1] - values[0], abs_tol=1e-9)


@given(st.integers(2, 4).flatmap(lambda players: games(players)))
def test_interactions_are_means_over_all_orders(values):
    players = len(values).bit_length() - 1
    for pair, found in interactions(values).items():
        assert isclose(found, by_orders_of_pairs(values, pair, players), abs_tol=1e-9)


def test_leading_axes_are_games_of_their_own():
    values = np.random.default_rng(0).random((3, 5, 8))
    found = shapley_values(values)
    assert found.shape == (3, 5, 3)
    np.testing.assert_allclose(found[2, 4], shapley_values(values[2, 4]))
    np.testing.assert_allclose(interactions(values)[0, 2][1, 3], interactions(values[1, 3])[0, 2])


def test_signs_of_synergy_and_redundancy():
    alone, both = 0.5, 1.0
    exclusive_or = np.array([alone, alone, alone, both])  # neither tells anything without the other
    copies = np.array([alone, both, both, both])
    independent = np.array([0.0, 0.3, 0.2, 0.5])
    assert interactions(exclusive_or)[0, 1] == pytest.approx(0.5)
    assert interactions(copies)[0, 1] == pytest.approx(-0.5)
    assert interactions(independent)[0, 1] == pytest.approx(0)
    np.testing.assert_allclose(shapley_values(exclusive_or), [0.25, 0.25])
    np.testing.assert_allclose(shapley_values(independent), [0.3, 0.2])


def test_what_is_no_game_is_refused():
    with pytest.raises(ValueError, match="3 coalitions: not a power of two"):
        shapley_values(np.zeros(3))
