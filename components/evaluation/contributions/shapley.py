"""Exact Shapley values and pairwise interactions of a set function over few players.

A set function of M players is an array whose last axis has 2^M entries; bit m of an index says whether player m takes
part, so that entry 0 is of the empty coalition and the last one of all.
"""

from itertools import combinations
from math import factorial

import numpy as np


def shapley_values(values: np.ndarray) -> np.ndarray:
    """Shapley values (Shapley, "A Value for n-Person Games", 1953).

    A player's value is the mean, over all orders in which the players may join, of what it adds when it joins. They
    sum to the value of all minus that of the empty coalition.

    Args:
        values: of each coalition, ``[..., 2^M]``.

    Returns:
        One value for each player, ``[..., M]``.
    """
    players = _players(values)
    found = []
    for player in range(players):
        rest = [other for other in range(players) if other != player]
        found.append(
            sum(
                factorial(len(joined)) * factorial(players - len(joined) - 1) / factorial(players)
                * (values[..., _index(joined) | 1 << player] - values[..., _index(joined)])
                for joined in _subsets(rest)
            )
        )  # fmt: skip
    return np.stack(found, axis=-1)


def interactions(values: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Shapley interaction indices of pairs (Grabisch & Roubens, "An axiomatic approach to the concept of interaction
    among players in cooperative games", 1999).

    Above 0: the two add more together than each on its own (synergy). Below 0: less, be it that each tells what the
    other tells (redundancy) or that the function has an upper bound.

    Args:
        values: of each coalition, ``[..., 2^M]``.

    Returns:
        A value ``[...]`` for each pair of players.
    """
    players = _players(values)
    found = {}
    for i, j in combinations(range(players), 2):
        first, second = 1 << i, 1 << j
        rest = [other for other in range(players) if other not in (i, j)]
        total = np.zeros(values.shape[:-1])
        for joined in _subsets(rest):
            at = _index(joined)
            weight = factorial(len(joined)) * factorial(players - len(joined) - 2) / factorial(players - 1)
            both, neither = values[..., at | first | second], values[..., at]
            total += weight * (both - values[..., at | first] - values[..., at | second] + neither)
        found[i, j] = total
    return found


def _players(values: np.ndarray) -> int:
    players = int(values.shape[-1]).bit_length() - 1
    if values.shape[-1] != 1 << players:
        raise ValueError(f"{values.shape[-1]} coalitions: not a power of two")
    return players


def _subsets(players: list[int]) -> list[tuple[int, ...]]:
    return [subset for size in range(len(players) + 1) for subset in combinations(players, size)]


def _index(coalition: tuple[int, ...]) -> int:
    return sum(1 << player for player in coalition)
