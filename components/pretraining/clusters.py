"""k-means over frames: the units that a masked frame's is predicted of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import PretrainingError

FITTED_ON = 1_000_000
"""Frames that clusters are fitted on, at most: drawn at random of more."""
CHUNK = 100_000


@dataclass(frozen=True)
class Clusters:
    """Clusters of frames.

    Attributes:
        numbers: int32 [frames], the cluster of each, from 0 on; -1 for a frame that has nothing to tell it by.
        inertia: the mean squared distance of a frame to its cluster's centre, of the frames fitted on.
    """

    numbers: np.ndarray
    inertia: float


def clusters_of(features: np.ndarray, known: np.ndarray, *, count: int, seed: int) -> Clusters:
    """Fit and assign clusters, with the settings of HuBERT's ``learn_kmeans.py``.

    Args:
        features: float [frames, F]; may be memory-mapped.
        known: bool [frames], whether there are features of a frame.
        count: of clusters.
        seed: of the first centres and of what is fitted on.

    Returns:
        A cluster for each known frame.

    Raises:
        PretrainingError: there are fewer frames than clusters.
    """
    from sklearn.cluster import MiniBatchKMeans

    places = np.flatnonzero(known)
    if len(places) < count:
        raise PretrainingError(
            f"{len(places)} frames cannot make {count} clusters: state fewer `clusters` in pretrain/params.yaml, or "
            "add recordings"
        )
    draws = np.random.default_rng(seed)
    fitted_on = places
    if len(places) > FITTED_ON:
        fitted_on = np.sort(draws.choice(places, FITTED_ON, replace=False))
    rows = np.asarray(features[fitted_on], np.float32)
    model = MiniBatchKMeans(
        count,
        max_iter=100,
        batch_size=10_000,
        tol=0.0,
        max_no_improvement=100,
        n_init=3,
        reassignment_ratio=0.0,
        random_state=seed,
    ).fit(rows)
    numbers = np.full(len(known), -1, np.int32)
    for begin in range(0, len(places), CHUNK):
        chunk = places[begin : begin + CHUNK]
        numbers[chunk] = model.predict(np.asarray(features[chunk], np.float32))
    nearest = model.cluster_centers_[model.predict(rows)]
    return Clusters(numbers, float(np.mean(((rows - nearest) ** 2).sum(axis=1, dtype=np.float64))))
