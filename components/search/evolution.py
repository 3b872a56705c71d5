"""Population based training inside a cohort (Jaderberg et al. 2017): the worst go on from where the best are.

At each rung, among the configurations of one architecture, each of the lower quarter takes the weights and the
optimizer's state of one of the upper quarter, with its configuration perturbed. What is chosen in the end is then not a
configuration but the schedule of those that its weights went through, and that is what is refitted.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

FACTORS = (0.8, 1.25)


def succession(ranked: Sequence[int], generator: np.random.Generator) -> list[tuple[int, int]]:
    """Which configurations are replaced, and by which: the lower quarter, each by one drawn from the upper.

    Args:
        ranked: numbers of the configurations, the best first.
        generator: draws the replacements.

    Returns:
        ``[(replaced, replacement)]``; of two or more configurations at least one is replaced.
    """
    quarter = (len(ranked) + 3) // 4 if len(ranked) > 1 else 0
    upper = ranked[:quarter]
    return [(loser, upper[int(generator.integers(quarter))]) for loser in ranked[len(ranked) - quarter :]]


def perturbed(
    config: Mapping[str, Any], moves: Mapping[str, tuple[float, float]], generator: np.random.Generator
) -> dict[str, Any]:
    """The configuration with each number that may move multiplied by 0.8 or 1.25, within its range.

    Args:
        config: hyper-parameters.
        moves: ``{hyper-parameter: (low, high)}``, those that may move.
        generator: draws the factors.
    """
    changed = dict(config)
    for name, (low, high) in sorted(moves.items()):
        factor = FACTORS[int(generator.integers(len(FACTORS)))]
        changed[name] = min(max(float(f"{config[name] * factor:.6g}"), low), high)
    return changed
