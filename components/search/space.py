"""Configurations: as many for every strategy, the same for a seed, spread evenly over each axis of its space."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ParamsError, SearchError
from ..files import digest_of
from ..fusion.strategy import entry, search_space


def configurations(
    strategy: str, *, modalities: Sequence[str], count: int, seed: int
) -> list[dict[str, Any]]:
    """A Latin hypercube (McKay, Beckman & Conover 1979): each axis is cut into ``count`` parts, each used once.

    Raises:
        SearchError: for an unknown strategy, with the nearest that is known.
    """
    try:
        entry(strategy, modalities)
    except ParamsError as error:
        raise SearchError(f"params.yaml: search.strategies: {error}") from None
    space = search_space(strategy, modalities)
    generator = np.random.default_rng(int(digest_of([strategy, seed])[:15], 16))
    drawn: list[dict[str, Any]] = [{} for _ in range(count)]
    for key in sorted(space):
        places = (generator.permutation(count) + generator.random(count)) / count
        for config, u in zip(drawn, places, strict=True):
            value = space[key].at(float(u))
            config[key] = float(f"{value:.6g}") if isinstance(value, float) else value
    return drawn


def member_seed(seed: int, trial: int) -> int:
    """The seed of a trial's initial weights and batches: the same in every strategy and fold."""
    return int(digest_of([seed, trial])[:8], 16)
