"""Bayes-optimal accuracy of a control corpus, for each subset of the modalities.

Given the displays of a subset of modalities, under a uniform prior, no rule is right more often than Bayes': name
the label that is most probable given these. Its accuracy over the population, by enumerating every pattern of
displays and every pattern of missing modalities, is the ceiling of that subset; its score on the displays that
were drawn for a corpus is the oracle's. A model may beat the oracle by luck of the draw, but no model beats it
beyond sampling error.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ..schema import MODALITIES
from .truth import Truth

if TYPE_CHECKING:
    import pandas as pd


def subsets(modalities: Sequence[str] = MODALITIES) -> list[tuple[str, ...]]:
    """Every non-empty subset, single ones first: ("audio",), ("text",), …, ("audio", "text", "face")."""
    return [subset for size in range(1, len(modalities) + 1) for subset in combinations(modalities, size)]


def name_of(subset: Sequence[str]) -> str:
    """``audio+face``: the modalities in their usual order."""
    return "+".join(subset)


def decide(truth: Truth, subset: Sequence[str], displays: np.ndarray) -> np.ndarray:
    """The label that these modalities' displays make most probable.

    Args:
        displays: int [N, M], indices into ``classes``, a column for each modality of ``subset``; -1: missing.

    Returns:
        int [N]. Ties go to the class that comes first.
    """
    return _first_best(posterior(truth, subset, displays))


def posterior(truth: Truth, subset: Sequence[str], displays: np.ndarray) -> np.ndarray:
    """How probable these modalities' displays make each label: float64 [N, n], each row adding up to one.

    Args:
        displays: as of ``decide``.
    """
    displays = np.asarray(displays)
    found = np.empty((len(displays), len(truth.classes)))
    heard = displays >= 0
    for pattern in np.unique(heard, axis=0) if len(displays) else ():
        rows = (heard == pattern).all(axis=1)
        there = [modality for modality, is_there in zip(subset, pattern, strict=True) if is_there]
        joint = _marginal(truth, there)
        found[rows] = joint[:, *displays[rows][:, pattern].T].T.reshape(-1, len(truth.classes))
    return found / found.sum(axis=1, keepdims=True)


def population(truth: Truth) -> dict[str, float]:
    """The best accuracy that any model can have in the long run, for each subset, by enumeration."""
    masks = _masks(truth)
    ceilings = {}
    for subset in subsets(truth.modalities):
        accuracy = 0.0
        for there, probability in masks.items():
            observed = [modality for modality in subset if modality in there]
            accuracy += probability * _marginal(truth, observed).max(axis=0).sum()
        ceilings[name_of(subset)] = float(np.round(accuracy, 12))
    return ceilings


def ceilings(truth: Truth, scores: pd.DataFrame) -> dict:
    """The truth as JSON, with ``population`` and ``oracle``: subset → accuracy.

    Args:
        scores: of ``oracle``.
    """
    of_oracle = scores.groupby("subset")["correct"].mean()
    return truth.as_json() | {
        "population": population(truth),
        "oracle": {subset: float(score) for subset, score in of_oracle.items()},
    }


def oracle(displays: pd.DataFrame, truth: Truth) -> pd.DataFrame:
    """Bayes' rule applied to the displays as drawn.

    Args:
        displays: a table with the columns utterance_id, label and one a modality, all of them classes; a display
            that is null is of a modality that is missing.

    Returns:
        A table utterance_id, subset, label, prediction, correct, and how probable the displays make each class, in
        a column of its name; sorted by subset size, then utterance_id.
    """
    import pandas as pd

    displays = displays.sort_values("utterance_id", ignore_index=True)
    index = pd.Index(truth.classes)
    codes = {
        modality: index.get_indexer(displays[modality])
        if modality in truth.telling
        else np.full(len(displays), -1)
        for modality in truth.modalities
    }
    parts = []
    for subset in subsets(truth.modalities):
        telling = [modality for modality in subset if modality in truth.telling]
        seen = (
            np.stack([codes[modality] for modality in telling], axis=1)
            if telling
            else np.empty((len(displays), 0), int)
        )
        probable = posterior(truth, telling, seen)
        prediction = pd.Series(index.to_numpy()[_first_best(probable)], dtype="str")
        parts.append(
            pd.DataFrame(
                {
                    "utterance_id": displays["utterance_id"].astype("str"),
                    "subset": pd.Series([name_of(subset)] * len(displays), dtype="str"),
                    "label": displays["label"].astype("str"),
                    "prediction": prediction,
                    "correct": (prediction == displays["label"]).to_numpy(bool),
                }
                | dict(zip(truth.classes, probable.T, strict=True))
            )
        )
    return pd.concat(parts, ignore_index=True)


def _marginal(truth: Truth, subset: Sequence[str]) -> np.ndarray:
    """P(label, displays of these modalities): the label first, then the modalities in this order."""
    away = tuple(1 + at for at, modality in enumerate(truth.telling) if modality not in subset)
    marginal = truth.joint.sum(axis=away)
    left = [modality for modality in truth.telling if modality in subset]
    order = [1 + left.index(modality) for modality in subset if modality in left]
    return marginal.transpose([0, *order])


def _first_best(posterior: np.ndarray) -> np.ndarray:
    best = posterior.max(axis=1, keepdims=True)
    return (posterior >= best * (1 - 1e-9)).argmax(axis=1)  # the first of those equal up to rounding


def _masks(truth: Truth) -> dict[tuple[str, ...], float]:
    """Which of the telling modalities an utterance has → how probable that is."""
    if not truth.missing or not truth.telling:
        return {truth.telling: 1.0}
    weights = {
        there: (1 - truth.missing) ** len(there) * truth.missing ** (len(truth.telling) - len(there))
        for there in subsets(truth.telling)
    }
    return {there: weight / sum(weights.values()) for there, weight in weights.items()}
