"""Validation curves: smoothed, and the epoch at which they are best."""

from collections.abc import Sequence

import numpy as np

WINDOW = 5
"""Epochs over which a validation curve is averaged before anything is chosen by it: on some hundred clips one
epoch's score is mostly noise."""


def smoothed(curve: Sequence[float]) -> np.ndarray:
    """The means over every full window of `WINDOW` epochs; over all epochs where there are fewer.

    A window cut short at an end would be noisier than the others, and so be the best too often.

    Returns:
        ``[max(1, epochs - WINDOW + 1)]``; entry ``i`` is centred on epoch ``i + centre(epochs)``.
    """
    values = np.asarray(curve, dtype=np.float64)
    return np.lib.stride_tricks.sliding_window_view(values, min(WINDOW, len(values))).mean(-1)


def centre(epochs: int) -> int:
    """The epoch (from 0) in the middle of the first window of a curve of so many epochs."""
    return min(WINDOW, epochs) // 2


def best_window(ua: Sequence[float], loss: Sequence[float]) -> int:
    """The entry with the highest UA; ties by lower loss, then the earlier.

    Args:
        ua: smoothed, as from `smoothed`.
        loss: likewise, as long.
    """
    return min(range(len(ua)), key=lambda i: (-round(float(ua[i]), 6), float(loss[i]), i))
