"""Selective prediction (El-Yaniv & Wiener, JMLR 2010): how accurate the answers are that a model is surest of."""

import numpy as np

SHARES = tuple(np.arange(1, 21) / 20)
"""Of the utterances that are answered."""


def accuracy_by_share(probabilities: np.ndarray, truth: np.ndarray) -> list[float]:
    """WA of the utterances with the highest confidence, for each of `SHARES` of all of them.

    Args:
        probabilities: ``[N, C]``.
        truth: class codes ``[N]``.
    """
    order = np.argsort(-probabilities.max(1), kind="stable")
    right = (probabilities.argmax(1) == truth)[order].cumsum()
    kept = [max(round(share * len(truth)), 1) for share in SHARES]
    return [float(right[count - 1] / count) for count in kept]
