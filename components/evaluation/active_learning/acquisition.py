"""Acquisition functions: how much a model is in doubt of a clip, so that the clips of most doubt are labelled next.

Each takes the probabilities of the members of an ensemble that differ by their seeds, and gives a number for each
clip, in nats. A batch is the k clips of the highest numbers, each on its own: clips of a batch may be alike, which
batch-aware functions avoid (Kirsch, van Amersfoort & Gal, BatchBALD, NeurIPS 2019).
"""

from collections.abc import Callable

import numpy as np

RANDOM = "random"
"""The control: clips in an order that was drawn beforehand."""


def predictive_entropy(probabilities: np.ndarray) -> np.ndarray:
    """The entropy of the mean posterior, H[E p]: uncertainty sampling (Lewis & Gale, SIGIR 1994; Settles 2009).

    Args:
        probabilities: ``[K, N, C]`` of K members, N clips, C classes.

    Returns:
        ``[N]``, from 0 to ln C.
    """
    from scipy.special import entr

    entropy: np.ndarray = entr(probabilities.mean(0)).sum(-1)
    return entropy


def bald(probabilities: np.ndarray) -> np.ndarray:
    """What the members disagree on, H[E p] − E H[p]: the mutual information of label and model.

    Bayesian active learning by disagreement (Houlsby, Huszár, Ghahramani & Lengyel, arXiv:1112.5745, 2011), with the
    members of a deep ensemble as draws of the posterior (Beluch et al., CVPR 2018). A clip that every member finds
    ambiguous in the same way has 0.

    Args:
        probabilities: ``[K, N, C]`` of K members, N clips, C classes.

    Returns:
        ``[N]``, from 0 to the predictive entropy.
    """
    from scipy.special import entr

    shared = entr(probabilities).sum(-1).mean(0)
    disagreement: np.ndarray = np.maximum(predictive_entropy(probabilities) - shared, 0.0)
    return disagreement


FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"entropy": predictive_entropy, "bald": bald}


def most(scores: np.ndarray, k: int) -> np.ndarray:
    """The places ``[k]`` of the highest scores ``[N]``; of equal ones the first."""
    return np.argsort(-scores, kind="stable")[:k]
