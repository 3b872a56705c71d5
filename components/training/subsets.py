"""Test rows scored with only some of their modalities, to measure what each contributes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import torch

from .data import Rows
from .rows import Fold

if TYPE_CHECKING:
    import pandas as pd

SCORES = "subset."
"""Beginning of the names of arrays of probabilities: ``subset.audio+text``."""
ROWS = "subset_rows."
"""Beginning of the names of arrays that hold which rows these are of."""


def proper_subsets(modalities: Sequence[str]) -> list[tuple[str, ...]]:
    """The non-empty proper subsets of the modalities, small ones first; each is sorted."""
    names = sorted(modalities)
    return [subset for size in range(1, len(names)) for subset in combinations(names, size)]


def by_subset(score: Callable[[Rows], torch.Tensor], rows: Rows) -> dict[str, np.ndarray]:
    """Score rows with each non-empty proper subset of their modalities; the others are marked as missing.

    Args:
        score: rows → probabilities ``[K, N, C]``.
        rows: N prepared rows, with M modalities.

    Returns:
        For each subset of which some row has a modality: ``subset.<modalities>``, probabilities float32
        ``[K, n, C]``, and ``subset_rows.<modalities>``, int64 ``[n]``, the rows that have one of its modalities.
    """
    arrays = {}
    for subset in proper_subsets(list(rows.present)):
        held = only(rows, subset)
        index = held.there().any(1).nonzero()[:, 0]
        if len(index):
            name = "+".join(subset)
            arrays[SCORES + name] = score(held)[:, index].float().cpu().numpy()
            arrays[ROWS + name] = index.numpy()
    return arrays


def members_by_subset(members: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What `by_subset` found, of several members: their probabilities one after another; of the same rows."""
    return {
        key: np.concatenate([each[key] for each in members]) if key.startswith(SCORES) else x
        for key, x in members[0].items()
        if key.startswith((SCORES, ROWS))
    }


def only(rows: Rows, subset: Sequence[str]) -> Rows:
    """The rows without the modalities outside ``subset``: none of their tokens is present."""
    present = {
        name: mask if name in subset else torch.zeros_like(mask) for name, mask in rows.present.items()
    }
    return replace(rows, present=present)


def subset_table(
    scored: Iterable[tuple[str, Fold, Mapping[str, np.ndarray]]], *, classes: Sequence[str]
) -> "pd.DataFrame":
    """What `by_subset` found on the folds' test rows, as a table.

    Args:
        scored: strategy, the fold whose test rows it scored, and the arrays; those that are not of `by_subset` are left
            aside.
        classes: in the order of the probabilities.

    Returns:
        utterance_id, fold, strategy, modalities and a column ``p_<class>`` for each class: means over the members.
    """
    import pandas as pd

    columns = ["utterance_id", "fold", "strategy", "modalities", *(f"p_{name}" for name in classes)]
    tables = []
    for strategy, fold, arrays in scored:
        for key in sorted(key for key in arrays if key.startswith(SCORES)):
            name = key.removeprefix(SCORES)
            ids = np.asarray(fold.test.ids)[arrays[ROWS + name]]
            known = {"utterance_id": ids, "fold": fold.number, "strategy": strategy, "modalities": name}
            means = arrays[key].mean(0, dtype=np.float64)
            tables.append(pd.DataFrame(known | {f"p_{each}": means[:, i] for i, each in enumerate(classes)}))
    if not tables:
        return pd.DataFrame(columns=columns)
    order = ["strategy", "modalities", "fold", "utterance_id"]
    return pd.concat(tables).sort_values(order, ignore_index=True)
