"""Planted truth: what each modality displays, and how well any model can do that sees those displays.

Each modality independently displays the true emotion with its reliability ``r``, otherwise one of the other
``n - 1`` drawn uniformly:

    P(display = d | emotion = y) = r if d == y else (1 - r) / (n - 1)

Given the displays of a subset of modalities, under a uniform prior, no rule is right more often than Bayes':
name the ``y`` that maximises the product of these. Its accuracy over the population, by enumerating every
pattern of displays, is the ceiling of that subset; its score on the displays that were drawn for a corpus is
the oracle's. A model may beat the oracle by luck of the draw, but no model beats it beyond sampling error.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations, product

import numpy as np

from ..errors import CorpusError
from ..schema import EMOTION7, MODALITIES


def subsets(modalities: Sequence[str] = MODALITIES) -> list[tuple[str, ...]]:
    """Every non-empty subset, single ones first: ("audio",), ("text",), …, ("audio", "text", "face")."""
    return [subset for size in range(1, len(modalities) + 1) for subset in combinations(modalities, size)]


def name_of(subset: Sequence[str]) -> str:
    """``audio+face``: the modalities in their usual order."""
    return "+".join(subset)


def check_reliability(reliability: Mapping[str, float]) -> dict[str, float]:
    """The reliabilities as floats in the usual order.

    Raises:
        CorpusError: a modality too many or too few, or a value that is no probability from chance (1/7) to 1.
    """
    if set(reliability) != set(MODALITIES):
        raise CorpusError(
            f"reliability names {', '.join(reliability) or 'nothing'}; it must name {', '.join(MODALITIES)}"
        )
    chance = 1 / len(EMOTION7)
    for modality, value in reliability.items():
        if not chance <= float(value) <= 1:
            raise CorpusError(
                f"reliability of {modality} is {value}; it may be from {chance:.3f} (chance) to 1"
            )
    return {modality: float(reliability[modality]) for modality in MODALITIES}


def display(true: int, reliability: float, generator: np.random.Generator) -> int:
    """One modality's display of the emotion with index ``true``, drawn."""
    if generator.random() < reliability:
        return true
    other = int(generator.integers(len(EMOTION7) - 1))
    return other + (other >= true)


def bayes(displays: np.ndarray, reliabilities: Sequence[float]) -> np.ndarray:
    """The emotion that the displays make most probable.

    Args:
        displays: int [N, M], indices into EMOTION7.
        reliabilities: M of them.

    Returns:
        int [N]. Ties go to the emotion that comes first in EMOTION7.
    """
    classes = len(EMOTION7)
    joint = np.ones((len(displays), classes))
    for column, reliability in zip(np.asarray(displays).T, reliabilities, strict=True):
        likelihood = np.full((classes, classes), (1 - reliability) / (classes - 1))
        np.fill_diagonal(likelihood, reliability)
        joint *= likelihood[:, column].T
    best = joint.max(axis=1, keepdims=True)
    return (joint >= best * (1 - 1e-9)).argmax(axis=1)  # the first of those equal up to rounding


def population(reliability: Mapping[str, float]) -> dict[str, float]:
    """The best accuracy that any model can have in the long run, for each subset, by enumeration."""
    classes = len(EMOTION7)
    ceilings = {}
    for subset in subsets():
        values = [reliability[modality] for modality in subset]
        patterns = np.array(list(product(range(classes), repeat=len(subset))))
        chosen = bayes(patterns, values)
        probability = np.ones(len(patterns))
        for column, value in zip(patterns.T, values, strict=True):
            probability *= np.where(column == chosen, value, (1 - value) / (classes - 1))
        ceilings[name_of(subset)] = float(np.round(probability.sum() / classes, 12))
    return ceilings


def oracle(displays, reliability: Mapping[str, float]):
    """Bayes' rule applied to the displays as drawn.

    Args:
        displays: a table with the columns utterance_id, label and one a modality, all words of EMOTION7.

    Returns:
        A table utterance_id, subset, prediction, correct; sorted by subset size, then utterance_id.
    """
    import pandas as pd

    displays = displays.sort_values("utterance_id", ignore_index=True)
    index = {emotion: i for i, emotion in enumerate(EMOTION7)}
    parts = []
    for subset in subsets():
        seen = np.stack([displays[modality].map(index).to_numpy(int) for modality in subset], axis=1)
        chosen = bayes(seen, [reliability[modality] for modality in subset])
        prediction = pd.Series([EMOTION7[i] for i in chosen], dtype="str")
        parts.append(
            pd.DataFrame(
                {
                    "utterance_id": displays["utterance_id"].astype("str"),
                    "subset": pd.Series([name_of(subset)] * len(displays), dtype="str"),
                    "prediction": prediction,
                    "correct": (prediction == displays["label"]).to_numpy(bool),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
