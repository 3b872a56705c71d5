"""What the test rows were scored with, as tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .heads import DIMENSIONS
from .rows import Fold

if TYPE_CHECKING:
    import pandas as pd

DIMENSION = "dimension."
"""Beginning of the names of arrays of what heads predict: ``dimension.valence``, ``[S, N]``."""


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


def dimensions(scored: Iterable[tuple[str, Fold, Mapping[str, np.ndarray]]]) -> "pd.DataFrame":
    """One row per strategy that learned valence, arousal and dominance, and test utterance of a fold.

    Args:
        scored: strategy, the fold whose test rows it scored, and the arrays; of those of `DIMENSION` means over the
            members are taken, others are left aside.

    Returns:
        utterance_id, fold, strategy, valence, arousal and dominance, -1 to 1 where the head has learned its scale.
    """
    import pandas as pd

    tables = []
    for strategy, fold, arrays in scored:
        means = {
            name: arrays[DIMENSION + name].mean(0, dtype=np.float64)
            for name in DIMENSIONS
            if DIMENSION + name in arrays
        }
        if means:
            known = {"utterance_id": fold.test.ids, "fold": fold.number, "strategy": strategy}
            tables.append(pd.DataFrame(known | means))
    if not tables:
        return pd.DataFrame(columns=["utterance_id", "fold", "strategy", *DIMENSIONS])
    return pd.concat(tables).sort_values(["strategy", "fold", "utterance_id"], ignore_index=True)
