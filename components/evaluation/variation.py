"""Figures over folds and seeds: how far other training speakers and other initial weights would have moved them.

The intervals over speakers (`intervals`) keep the models as they are. Here each fold's figure is the mean over its
seeds, each seed on its own, and the folds are what varies. Any two folds share most of their training rows, so their
figures are not independent, and the plain variance of a mean is too small: it is corrected by Nadeau & Bengio,
"Inference for the Generalization Error", Machine Learning 52 (2003), with n_test / n_train; Bouckaert & Frank (2004)
found the same correction to hold its level for repeated cross-validation. It was derived for random splits and is an
approximation for folds. Seeds are averaged and not counted as further observations: a fold's seeds see the same rows.
A seed that diverged in a fold is NaN there, and the fold's figure is the mean over the others.
"""

from typing import TYPE_CHECKING, Literal

import numpy as np

from ..artifacts.reports import Variation
from .intervals import LEVEL

if TYPE_CHECKING:
    import pandas as pd


def held_out_ratio(folds: "pd.DataFrame") -> float:
    """n_test / n_train, the mean over the folds, where the rows of validation train, too (the refit sees them).

    Args:
        folds: utterance_id, fold, role (see ``data/folds.parquet``).
    """
    ratios = []
    for _, rows in folds.groupby("fold"):
        tested = set(rows.loc[rows["role"] == "test", "utterance_id"])
        learnt = set(rows.loc[rows["role"].isin(["train", "validation"]), "utterance_id"]) - tested
        ratios.append(len(tested) / max(len(learnt), 1))
    return float(np.mean(ratios))


def paired(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The differences of two strategies' figures by fold and seed.

    Where a seed diverged in a fold, the seeds of the two cannot be paired there: then each fold's difference is that of
    the means over the seeds that each has, which without such a seed is the same. One fold alone has no variation but
    that of its seeds: then those count that neither lacks.

    Args:
        first, second: ``[F, S]``, NaN where a seed diverged; in no fold all seeds.

    Returns:
        ``[F, S]``, or ``[F, 1]`` where there is nothing to pair.
    """
    differences: np.ndarray = first - second
    if not np.isnan(differences).any() or (len(first) == 1 and not np.isnan(differences).all()):
        return differences
    of_means: np.ndarray = np.nanmean(first, axis=1, keepdims=True) - np.nanmean(
        second, axis=1, keepdims=True
    )
    return of_means


def over_folds(values: np.ndarray, *, ratio: float, lowest: float = -1.0) -> Variation:
    """The corrected resampled t interval and test of a figure, or of a paired difference.

    t = mean / sqrt((1 / F + n_test / n_train) s²) with F - 1 degrees of freedom, s² (ddof 1) of the folds' means.

    Args:
        values: ``[F, S]``, of each fold and seed, NaN where a seed diverged; in no fold all seeds.
        ratio: n_test / n_train: see `held_out_ratio`.
        lowest: what it can be at the least (0 for most figures, -1 for MCC and for a difference); at the most it is 1.
            A bound beyond, as a t interval of few folds may have it, is cut there.
    """
    from scipy.stats import t as student

    folds, seeds = len(values), int(np.isfinite(values[0]).sum())
    by_fold = np.nanmean(values, axis=1)
    mean = float(by_fold.mean())
    over: Literal["folds", "seeds"]
    if folds > 1:
        over, n, variance = "folds", folds, (1 / folds + ratio) * by_fold.var(ddof=1)
    elif seeds > 1:
        over, n, variance = "seeds", seeds, np.nanvar(values[0], ddof=1) / seeds
    else:
        return Variation(mean=mean, low=None, high=None, p=None, over=None, n=1)
    error = float(np.sqrt(variance))
    if error < 1e-12:  # all folds agree, so nothing varies
        return Variation(mean=mean, low=mean, high=mean, p=float(abs(mean) < 1e-12), over=over, n=n)
    reach = float(student.ppf((1 + LEVEL) / 2, n - 1)) * error
    p = float(2 * student.sf(abs(mean) / error, n - 1))
    low, high = max(mean - reach, lowest), min(mean + reach, 1.0)
    return Variation(mean=mean, low=low, high=high, p=p, over=over, n=n)
