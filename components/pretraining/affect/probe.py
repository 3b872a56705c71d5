"""What a model's vectors tell of emotions: a linear classifier on speakers that it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Difference(NamedTuple):
    """What one share of right answers is above another's, the mean over speakers.

    Attributes:
        mean: of the speakers' differences.
        low, high: its 95 % interval by Student's t; None of a single speaker.
    """

    mean: float
    low: float | None
    high: float | None


def right_answers(vectors: np.ndarray, emotions: np.ndarray, *, tested: np.ndarray) -> np.ndarray:
    """Fit logistic regression on the clips that are not tested; whether it has each tested one right, bool ``[n]``.

    Args:
        vectors: of N clips, ``[N, D]``.
        emotions: their classes.
        tested: bool ``[N]``.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=5000))
    classifier.fit(vectors[~tested], emotions[~tested])
    right: np.ndarray = classifier.predict(vectors[tested]) == emotions[tested]
    return right


def recall(right: np.ndarray, emotions: np.ndarray) -> float:
    """The mean of the classes' recalls (UA).

    Args:
        right: bool ``[n]``.
        emotions: the n clips' classes.
    """
    return float(np.mean([right[emotions == each].mean() for each in np.unique(emotions)]))


def by_speaker(before: np.ndarray, after: np.ndarray, speakers: Sequence[str]) -> Difference:
    """By how much more is right after than before.

    Args:
        before, after: bool ``[n]``, of the same clips.
        speakers: of the clips.
    """
    from scipy.stats import t

    names = np.asarray(speakers)
    gains = np.array(
        [after[names == each].mean() - before[names == each].mean() for each in np.unique(names)]
    )
    mean = float(gains.mean())
    if len(gains) < 2:
        return Difference(mean, None, None)
    reach = float(t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains)))
    return Difference(mean, mean - reach, mean + reach)
