"""A support vector machine on all features, which a fusion strategy has to beat to be worth its training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..fusion.layers import masked_mean
from .data import UNLABELLED, Rows
from .metrics import unweighted_recall

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAME = "svm"
COSTS = (0.1, 1.0, 10.0, 100.0)
"""What a training row on the wrong side of the margin may cost; validation chooses."""
TEMPERATURES = (0.01, 10.0)
"""Between them lies the scale by which decision values become probabilities."""


def choose(training: Rows, validation: Rows, *, classes: int) -> tuple[float, float]:
    """The cost of highest UA on validation, and the temperature of lowest loss there.

    Args:
        training: prepared rows; those without a label are left aside.
        validation: prepared by the same.
        classes: number of classes C.

    Returns:
        The cost (of equal ones the lowest) and the temperature.
    """
    import torch
    from scipy.optimize import minimize_scalar

    values = {cost: _decisions(_fitted(training, cost), validation, classes) for cost in COSTS}
    target = validation.target

    def ua(cost: float) -> float:
        return float(unweighted_recall(torch.from_numpy(values[cost])[None], target)[0])

    chosen = max(COSTS, key=lambda cost: (ua(cost), -cost))

    def loss(log_temperature: float) -> float:
        of_target = _softmax(values[chosen] / np.exp(log_temperature))[np.arange(len(target)), target.numpy()]
        return float(-np.log(of_target.clip(1e-12)).mean())

    found = minimize_scalar(loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded")
    return chosen, float(np.exp(found.x))


def probabilities(
    training: Rows, test: Rows, *, cost: float, temperature: float, classes: int
) -> NDArray[np.float64]:
    """Fit on rows and score others.

    Args:
        training: prepared rows; those without a label are left aside.
        test: N rows, prepared by the same.
        cost: as `choose` found it.
        temperature: likewise.
        classes: number of classes C.

    Returns:
        float64 ``[N, C]``; 0 for a class that no training row has.
    """
    return _softmax(_decisions(_fitted(training, cost), test, classes) / temperature)


def _fitted(rows: Rows, cost: float) -> Any:
    """An RBF kernel on standardised means of the tokens; classes weigh the same, as UA counts them."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    rows = rows.at(rows.target != UNLABELLED)
    machine = make_pipeline(
        StandardScaler(), SVC(C=cost, kernel="rbf", gamma="scale", class_weight="balanced")
    )
    return machine.fit(_features(rows), rows.target.numpy())


def _features(rows: Rows) -> NDArray[np.float64]:
    """The mean of each modality's tokens, side by side, ``[N, sum of D]``; zeros where a modality is missing."""
    means = [masked_mean(rows.tokens[name], rows.present[name]) for name in sorted(rows.tokens)]
    return np.concatenate([mean.double().numpy() for mean in means], axis=1)


def _decisions(machine: Any, rows: Rows, classes: int) -> NDArray[np.float64]:
    """A value for each class, ``[N, C]``, the highest for the one that is recognised."""
    found = machine.decision_function(_features(rows))
    if found.ndim == 1:  # of two classes
        found = np.stack([-found, found], axis=1)
    values = np.full((len(rows), classes), -np.inf)
    values[:, machine.classes_] = found
    return values


def _softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    exponentials = np.exp(values - values.max(1, keepdims=True))
    shares: NDArray[np.float64] = exponentials / exponentials.sum(1, keepdims=True)
    return shares
