"""What clusters are like: how evenly they are used, and how well they agree with what is known of the frames."""

from __future__ import annotations

import numpy as np


def entropy(clusters: np.ndarray) -> float:
    """The unigram entropy of cluster numbers, in nats: the loss of whoever knows how frequent each is, and no more.

    Args:
        clusters: int [frames], from 0 on.
    """
    counts = np.bincount(clusters)
    shares = counts[counts > 0] / len(clusters)
    return float(-(shares * np.log(shares)).sum())


def purity(clusters: np.ndarray, units: np.ndarray) -> float:
    """The share of frames whose unit is the most frequent one of their cluster (phone purity of Hsu et al. 2021).

    Args:
        clusters: int [frames].
        units: int [frames], such as phones.
    """
    from sklearn.metrics.cluster import contingency_matrix

    return float(contingency_matrix(units, clusters).max(axis=0).sum() / len(clusters))


def mutual_information(clusters: np.ndarray, units: np.ndarray) -> float:
    """Of clusters and units, over the units' entropy, from 0 to 1: how much of a unit its cluster tells.

    Args:
        clusters: int [frames].
        units: int [frames].

    Returns:
        0 where there is one unit alone.
    """
    from sklearn.metrics import mutual_info_score

    uncertain = entropy(np.unique(units, return_inverse=True)[1])
    return float(mutual_info_score(units, clusters)) / uncertain if uncertain > 0 else 0.0
