"""Probabilities of the test rows as the table of predictions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .rows import Fold

if TYPE_CHECKING:
    import pandas as pd


def predictions(
    probabilities: np.ndarray,
    fold: Fold,
    *,
    strategy: str,
    seeds: Sequence[int],
    trained: Sequence[int],
    classes: Sequence[str],
) -> "pd.DataFrame":
    """One row per seed and test utterance of a fold.

    Args:
        probabilities: ``[S, N, C]``: trained seeds, the fold's test utterances, classes.
        fold: whose test utterances were scored.
        strategy: by which name they are recorded.
        seeds: all that were to be trained.
        trained: those of ``probabilities``; the others diverged.
        classes: in the order of ``probabilities``.

    Returns:
        utterance_id, fold, seed, strategy, label and a column ``p_<class>`` for each class; the probabilities of a
        seed that diverged are null.
    """
    import pandas as pd

    missing = np.full(probabilities.shape[1:], np.nan)
    by_seed = dict(zip(trained, probabilities, strict=True))
    tables = []
    for seed in seeds:
        scored = by_seed.get(seed, missing)
        known = {
            "utterance_id": fold.test.ids,
            "fold": fold.number,
            "seed": seed,
            "strategy": strategy,
            "label": [classes[i] for i in fold.test.target],
        }
        tables.append(pd.DataFrame(known | {f"p_{name}": scored[:, i] for i, name in enumerate(classes)}))
    return pd.concat(tables, ignore_index=True)
