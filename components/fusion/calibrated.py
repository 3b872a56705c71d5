"""Probabilities corrected for what a model promises too much or too little of."""

import numpy as np

FAINTEST = 1e-12
"""Smaller probabilities are raised to this before their logarithm is taken."""


def scaled(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Temperature scaling (Guo et al., ICML 2017): the logits are divided by one number.

    Args:
        probabilities: ``[N, C]``.
        temperature: above 1 the probabilities become less confident; the classes keep their order.

    Returns:
        ``[N, C]``.
    """
    logits = np.log(np.maximum(probabilities, FAINTEST)) / temperature
    exponents = np.exp(logits - logits.max(1, keepdims=True))
    shares: np.ndarray = exponents / exponents.sum(1, keepdims=True)
    return shares


def set_scores(probabilities: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """How far down the order of classes each one is (adaptive prediction sets; Romano, Sesia & Candès, NeurIPS 2020).

    Args:
        probabilities: ``[N, C]``.
        uniform: ``[N]``, between 0 and 1: what share of its own probability counts. Random, the coverage is not above
            its level; 0, the sets hold every class that they would hold with any other.

    Returns:
        ``[N, C]``: the sum of the probabilities of all classes before it, and that share of its own. A class is in the
        prediction set where this is no more than the threshold.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ordered = np.take_along_axis(probabilities, order, axis=1)
    before = ordered.cumsum(1) - ordered
    scores = np.empty_like(probabilities)
    np.put_along_axis(scores, order, before + uniform[:, None] * ordered, axis=1)
    return scores
