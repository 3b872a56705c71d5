"""Metrics of classification, all from confusion counts, so that a jackknife over speakers is one array operation.

A confusion array has the shape ``[..., C, C]``: rows are the true classes, columns the predicted ones. Every
metric takes such an array and gives one number for each of its leading axes.

- **WA** (weighted accuracy): the share of utterances that are right; each class weighs as much as it is frequent.
- **UA** (unweighted average recall): the mean of the per-class recalls; each class weighs the same.
- **macro F1**: the mean of the per-class F1. **WF1**: their mean weighted by the true classes' frequencies.
- **MCC** (Matthews correlation coefficient): the correlation of the true with the predicted class, -1 to 1.
  A prediction that does not depend on the truth has 0, whatever the classes' frequencies.

Papers swap WA and UA now and then; these are the definitions of Schuller et al., "The INTERSPEECH 2009 Emotion
Challenge" (2009). A class that has no utterance has no recall and does not count in UA; a class that has none
and that nothing was taken for does not count in macro F1. Both are scikit-learn's defaults.
"""

from collections.abc import Callable

import numpy as np

from ..artifacts.reports import Metric


def confusion(truth: np.ndarray, predicted: np.ndarray, *, classes: int) -> np.ndarray:
    """Confusion counts ``[C, C]`` (int64) of class codes ``[N]`` from 0."""
    cells = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return cells.reshape(classes, classes)


def confusion_by(
    group: np.ndarray, truth: np.ndarray, predicted: np.ndarray, *, groups: int, classes: int
) -> np.ndarray:
    """Confusion counts ``[G, C, C]`` of each group (a speaker, a fold), groups coded ``[N]`` from 0."""
    cells = (group * classes + truth) * classes + predicted
    return np.bincount(cells, minlength=groups * classes * classes).reshape(groups, classes, classes)


def wa(counts: np.ndarray) -> np.ndarray:
    """Weighted accuracy, 0 to 1; NaN where there is nothing."""
    return _ratio(np.trace(counts, axis1=-2, axis2=-1), counts.sum((-2, -1)), empty=np.nan)


def recalls(counts: np.ndarray) -> np.ndarray:
    """Recall of each class, ``[..., C]``; NaN for a class without an utterance."""
    return _ratio(_diagonal(counts), counts.sum(-1), empty=np.nan)


def precisions(counts: np.ndarray) -> np.ndarray:
    """Precision of each class, ``[..., C]``; NaN for a class that nothing was taken for."""
    return _ratio(_diagonal(counts), counts.sum(-2), empty=np.nan)


def ua(counts: np.ndarray) -> np.ndarray:
    """Unweighted average recall over the classes that occur, 0 to 1; NaN where there is nothing."""
    occurs = counts.sum(-1) > 0
    total = np.where(occurs, recalls(counts), 0.0).sum(-1)
    return _ratio(total, occurs.sum(-1), empty=np.nan)


def f1(counts: np.ndarray) -> np.ndarray:
    """F1 of each class, ``[..., C]``: 2 TP / (2 TP + FP + FN); 0 for a class that neither occurs nor is predicted."""
    return _ratio(2 * _diagonal(counts), counts.sum(-1) + counts.sum(-2), empty=0.0)


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Mean F1 over the classes that occur or are predicted, 0 to 1; NaN where there is nothing."""
    seen = (counts.sum(-1) + counts.sum(-2)) > 0
    return _ratio(f1(counts).sum(-1), seen.sum(-1), empty=np.nan)


def wf1(counts: np.ndarray) -> np.ndarray:
    """Mean F1 weighted by how often each class occurs, 0 to 1; NaN where there is nothing."""
    support = counts.sum(-1)
    return _ratio((f1(counts) * support).sum(-1), support.sum(-1), empty=np.nan)


def mcc(counts: np.ndarray) -> np.ndarray:
    """Matthews correlation coefficient, -1 to 1; 0 for one class or one prediction alone; NaN where there is nothing.

    The multi-class R_K of Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient",
    Computational Biology and Chemistry 28 (2004), as scikit-learn's `matthews_corrcoef`.
    """
    counts = np.asarray(counts, dtype=float)  # products of four counts may exceed an integer
    actual, predicted, total = counts.sum(-1), counts.sum(-2), counts.sum((-2, -1))
    covariance = np.trace(counts, axis1=-2, axis2=-1) * total - (actual * predicted).sum(-1)
    scale = np.sqrt((total**2 - (actual**2).sum(-1)) * (total**2 - (predicted**2).sum(-1)))
    return np.where(total > 0, _ratio(covariance, scale, empty=0.0), np.nan)


METRICS: dict[Metric, Callable[[np.ndarray], np.ndarray]] = {
    "wa": wa,
    "ua": ua,
    "macro_f1": macro_f1,
    "wf1": wf1,
    "mcc": mcc,
}

LOWEST: dict[Metric, float] = dict.fromkeys(METRICS, 0.0) | {"mcc": -1.0}
"""What each metric can be at the least; at the most it is 1."""

TITLES: dict[Metric, str] = {"wa": "WA", "ua": "UA", "macro_f1": "macro F1", "wf1": "WF1", "mcc": "MCC"}


def _diagonal(counts: np.ndarray) -> np.ndarray:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _ratio(above: np.ndarray, below: np.ndarray, *, empty: float) -> np.ndarray:
    result = np.full(np.broadcast_shapes(np.shape(above), np.shape(below)), empty, dtype=float)
    np.divide(above, below, out=result, where=np.asarray(below) > 0)
    return result
