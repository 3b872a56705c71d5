"""The mean of a score over the utterances, from sums by speaker, so that the jackknife can leave a speaker out."""

import numpy as np


def sums(values: np.ndarray, speaker: np.ndarray) -> np.ndarray:
    """``[S, 2]``: of each speaker code the sum of the values ``[N]``, and of how many utterances."""
    return np.stack([np.bincount(speaker, values), np.bincount(speaker)], axis=1)


def mean(sums: np.ndarray) -> np.ndarray:
    """``[..., 2] → [...]``."""
    result: np.ndarray = sums[..., 0] / sums[..., 1]
    return result
