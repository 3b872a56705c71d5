"""Sampling of emotional displays per modality and of raters' votes, from a planted truth (see ``truth``)."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..schema import EMOTION7
from .truth import Truth, strange_to


def display(
    true: int, reliability: float, generator: np.random.Generator, classes: int = len(EMOTION7)
) -> int:
    """Sample the class that one modality displays: ``true`` with probability ``reliability``, else any other."""
    if generator.random() < reliability:
        return true
    other = int(generator.integers(classes - 1))
    return other + (other >= true)


def draw(truth: Truth, emotion: int, generator: np.random.Generator) -> dict[str, str]:
    """Sample what each informative modality displays of an emotion (an index into ``truth.classes``)."""
    n = len(truth.classes)
    meant = dict.fromkeys(truth.telling, emotion)
    if truth.relation == "complementary":
        for place, modality in enumerate(truth.telling):
            strange = strange_to(n, place, len(truth.telling))
            if emotion in strange:
                meant[modality] = int(generator.choice(strange))
    elif truth.relation == "interacting":
        first, second = truth.pair
        meant[first] = int(generator.integers(n))
        meant[second] = (emotion - meant[first]) % n
    return {
        modality: truth.classes[display(index, truth.reliability[modality], generator, n)]
        for modality, index in meant.items()
    }


def votes(truth: Truth, emotion: int, generator: np.random.Generator) -> list[str]:
    """Sample each rater's vote on an utterance with this emotion (an index into ``truth.classes``)."""
    n = len(truth.classes)
    return [truth.classes[display(emotion, truth.agreement, generator, n)] for _ in range(truth.raters)]


def consensus(cast: Sequence[str]) -> str:
    """The most frequent vote; of equally frequent ones the first to be cast."""
    counts = Counter(cast)  # keeps the order of first appearance, and max the first of equals
    return max(counts, key=counts.__getitem__)
