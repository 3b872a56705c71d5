"""A figure over several seeds of training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEVEL = 0.95


def over_seeds(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """The mean and its 95 % interval by Student's t; no bounds of a single value.

    Args:
        values: one a seed.
    """
    from scipy.stats import t

    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None, None
    reach = float(t.ppf((1 + LEVEL) / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return mean, mean - reach, mean + reach
