"""The clips of an unlabelled pool that are nearest to labelled ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import PretrainingError


@dataclass(frozen=True)
class Retrieved:
    """Clips of the pool, the most similar first.

    Attributes:
        clips: their numbers in the pool, each once.
        scores: the cosine between each and the labelled clip that it is nearest to.
        anchors: the number of that labelled clip.
    """

    clips: np.ndarray
    scores: np.ndarray
    anchors: np.ndarray


def retrieve(pool: np.ndarray, labelled: np.ndarray, *, k: int) -> Retrieved:
    """The k nearest clips of a pool to each labelled clip, by the cosine of their embeddings.

    Args:
        pool: embeddings of the unlabelled clips, ``[N, D]``.
        labelled: of the labelled ones, ``[M, D]``.
        k: how many are taken for each labelled clip; one that several are near to is taken once.

    Raises:
        PretrainingError: the pool has fewer than k clips.
    """
    from sklearn.neighbors import NearestNeighbors

    if len(pool) < k:
        raise PretrainingError(
            f"the pool has {len(pool)} clips, and {k} are to be taken for each labelled one: state a smaller "
            "`nearest` in pretrain/params.yaml, or add recordings to the pool"
        )
    distances, places = NearestNeighbors(n_neighbors=k, metric="cosine").fit(pool).kneighbors(labelled)
    score, clip = 1 - distances.ravel(), places.ravel()
    anchor = np.repeat(np.arange(len(labelled)), k)
    order = np.lexsort((anchor, clip, -score))
    _, first = np.unique(clip[order], return_index=True)
    kept = order[np.sort(first)]
    return Retrieved(clip[kept], score[kept], anchor[kept])
