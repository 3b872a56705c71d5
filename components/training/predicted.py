"""Probabilities of the test rows as the table of predictions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .rows import Fold

if TYPE_CHECKING:
    import pandas as pd


def predictions(
    probabilities: np.ndarray, fold: Fold, *, strategy: str, seeds: Sequence[int], classes: Sequence[str]
) -> "pd.DataFrame":
    """One row per seed and test utterance of a fold.

    Args:
        probabilities: ``[S, N, C]``: seeds, the fold's test utterances, classes.
    """
    import pandas as pd

    tables = [
        pd.DataFrame(
            {
                "utterance_id": fold.test.ids,
                "fold": fold.number,
                "seed": seed,
                "strategy": strategy,
                "label": [classes[i] for i in fold.test.target],
            }
            | {f"p_{name}": each[:, i] for i, name in enumerate(classes)}
        )
        for seed, each in zip(seeds, probabilities, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)
