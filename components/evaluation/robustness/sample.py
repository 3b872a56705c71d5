"""The test utterances that are made worse."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def drawn(folds: "pd.DataFrame", count: int | None, *, seed: int) -> "pd.DataFrame":
    """Draw test rows, stratified by fold and class.

    Every fold and class has its share of the rows to within one; what is left over goes to those whose share was
    rounded down most.

    Args:
        folds: fold, utterance_id, speaker, label, role (see ``data/folds.parquet``).
        count: how many; None, or more than there are: all.
        seed: of the draw.

    Returns:
        The test rows drawn, sorted by fold and utterance id.
    """
    test = folds[folds["role"] == "test"].sort_values(["fold", "utterance_id"], ignore_index=True)
    if count is None or count >= len(test):
        return test
    generator = np.random.default_rng(seed)
    strata = list(test.groupby(["fold", "label"], sort=True).indices.values())
    shares = np.array([len(rows) for rows in strata]) * count / len(test)
    quotas = np.floor(shares).astype(int)
    left = count - quotas.sum()
    quotas[np.argsort(quotas - shares, kind="stable")[:left]] += 1
    places = [
        generator.choice(rows, size=quota, replace=False) for rows, quota in zip(strata, quotas, strict=True)
    ]
    return test.iloc[np.sort(np.concatenate(places))].reset_index(drop=True)
