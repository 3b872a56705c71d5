"""Linear probes: logistic regression for classes, ridge regression for numbers.

Features are standardised and clipped as for training (`fusion.preparation`); those of a block wider than `COMPONENTS`
are then reduced by principal components. Scaling, components and the model are fitted on the training rows of a split
and applied to its test rows. The penalty of logistic regression is fixed. That of ridge regression is chosen by leaving
out one training row at a time: with a fixed one, R² of the control task falls far below 0 in wide blocks, and the
selectivity would count that for the features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...fusion.preparation import CLIP

if TYPE_CHECKING:
    from .targets import Target

C = 0.1
"""Of logistic regression, in scikit-learn: the inverse of the penalty."""
ALPHAS = tuple(10.0 ** (step / 2) for step in range(11))
"""Penalties that ridge regression chooses from: 1 to 100,000."""
COMPONENTS = 256
ITERATIONS = 2000
"""Of L-BFGS, at most; scikit-learn warns where they do not suffice."""


@dataclass(frozen=True)
class Predictions:
    """What the probes of one block predict for the test rows of all splits.

    Attributes:
        row: utterances, as positions among all, int64 ``[M]``; one that several splits test occurs as often.
        target: predictions of the probe that learned the target, ``[M]``.
        control: those of the probe that learned the control task.
        dealt: what the control task has there.
    """

    row: np.ndarray
    target: np.ndarray
    control: np.ndarray
    dealt: np.ndarray

    @classmethod
    def joined(cls, some: "Sequence[Predictions]") -> "Predictions":
        """Those of several models."""
        columns = zip(*((each.row, each.target, each.control, each.dealt) for each in some), strict=True)
        return cls(*map(np.concatenate, columns))


def predict(features: np.ndarray, target: "Target", *, seed: int) -> Predictions | None:
    """Fit probes on the training rows of each split, and predict its test rows.

    Args:
        features: ``[N, D]``; NaN for utterances without them, which are neither learned from nor tested.
        target: of the N utterances, with its control task and splits.
        seed: of the randomised principal components.

    Returns:
        The predictions; None where no split has training rows of two values and a test row.
    """
    there = ~np.isnan(features).any(1)
    features = features.astype(np.float64)
    found = []
    for train, test in target.splits:
        train, test = train[there[train]], test[there[test]]
        if not len(test) or any(len(np.unique(each[train])) < 2 for each in (target.values, target.control)):
            continue  # a probe of one value has learned nothing
        learned, tested = _prepared(features[train], features[test], seed)
        said, by_control = (
            _model(target.is_class).fit(learned, each[train]).predict(tested)
            for each in (target.values, target.control)
        )
        found.append(Predictions(test, said, by_control, target.control[test]))
    return Predictions.joined(found) if found else None


def _prepared(train: np.ndarray, test: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train)
    train, test = (scaler.transform(each).clip(-CLIP, CLIP) for each in (train, test))
    if train.shape[1] <= COMPONENTS:
        return train, test
    axes = PCA(min(COMPONENTS, len(train)), random_state=seed).fit(train)
    return axes.transform(train), axes.transform(test)


def _model(is_class: bool) -> Any:
    from sklearn.linear_model import LogisticRegression, RidgeCV

    if is_class:
        return LogisticRegression(C=C, class_weight="balanced", max_iter=ITERATIONS)
    return RidgeCV(ALPHAS)
