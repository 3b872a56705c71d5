"""Validation curves: smoothed, and the epoch at which they are best."""

from collections.abc import Sequence

import numpy as np

WINDOW = 5
"""Epochs over which a validation curve is averaged before anything is chosen by it: on some hundred clips one
epoch's score is mostly noise."""


def smoothed(curve: Sequence[float]) -> np.ndarray:
    """The centred mean over `WINDOW` epochs, over fewer at the ends."""
    values, half = np.asarray(curve, dtype=np.float64), WINDOW // 2
    return np.array([values[max(0, i - half) : i + half + 1].mean() for i in range(len(values))])


def best_epoch(ua: Sequence[float], loss: Sequence[float]) -> int:
    """The epoch (from 0) of highest UA; ties by lower loss, then the earlier."""
    return min(range(len(ua)), key=lambda i: (-round(float(ua[i]), 6), float(loss[i]), i))
