"""Paired tests between strategies, and against the planted ceiling, corrected for how many there are."""

from dataclasses import dataclass
from math import comb

import numpy as np

from .variation import Variation

ALPHA = 0.05
EXACT_UP_TO = 14
"""With at most so many speakers every sign pattern is tried; above, so many (2 ** 14) are drawn."""


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    steps = np.asarray(p_values, dtype=float)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted.tolist()


def sign_flip(differences: np.ndarray, *, seed: int) -> float:
    """Two-sided permutation p-value that the speakers' differences ``[S]`` add up to nothing.

    If two strategies are equally good, each speaker's difference is as likely to have the other sign; so the sum
    is compared with those of all sign patterns (of 16,384 drawn ones where there are more than 14 speakers).
    Speakers without a difference change nothing and are left out.
    """
    differences = differences[np.abs(differences) > 1e-12]
    if not len(differences):
        return 1.0
    observed = abs(differences.sum()) - 1e-12
    if len(differences) <= EXACT_UP_TO:
        patterns = np.arange(2 ** len(differences))[:, None] >> np.arange(len(differences))
        sums = np.where(patterns & 1, differences, -differences).sum(1)
        return float((np.abs(sums) >= observed).mean())
    signs = np.random.default_rng(seed).integers(0, 2, (2**EXACT_UP_TO, len(differences)), dtype=np.int8)
    sums = np.where(signs, differences, -differences).sum(1)
    return float(((np.abs(sums) >= observed).sum() + 1) / (len(sums) + 1))


def least(speakers: int) -> float:
    """The smallest p-value that `sign_flip` can give with so many speakers: no evidence can be stronger."""
    return 2.0 ** (1 - speakers) if speakers <= EXACT_UP_TO else 1 / (2**EXACT_UP_TO + 1)


def mcnemar_above(only_first: int, only_second: int) -> float:
    """One-sided exact p-value that the first is right more often than the second (McNemar 1947).

    Args:
        only_first: utterances that only the first has right.
        only_second: utterances that only the second has right.
    """
    disputed = only_first + only_second
    ways, term = 0, comb(disputed, only_first)  # whole numbers: exact for any count
    for k in range(only_first, disputed + 1):
        ways += term
        term = term * (disputed - k) // (k + 1)
    return ways / 2**disputed


@dataclass(frozen=True)
class Comparison:
    """Strategy ``first`` against ``second`` on the same utterances; differences are of UA, first minus second.

    ``difference``, ``low``, ``high``, ``p``, ``p_holm`` are of the models as they are, paired by speaker; ``folds`` is
    of each seed on its own, paired by fold and seed (``folds_p_holm``: None where nothing varies).
    """

    first: str
    second: str
    difference: float
    low: float | None
    high: float | None
    p: float
    p_holm: float
    folds: Variation
    folds_p_holm: float | None

    @property
    def significant(self) -> bool:
        """Over speakers: other speakers of this kind would say the same of these models."""
        return self.p_holm < ALPHA

    @property
    def significant_over_folds(self) -> bool:
        """Over folds and seeds, in the same direction: so would models trained on other speakers, from other seeds."""
        said = self.folds_p_holm is not None and self.folds_p_holm < ALPHA
        return said and self.folds.mean * self.difference > 0


def ua_shares(by_speaker: np.ndarray) -> np.ndarray:
    """Each speaker's share ``[S]`` of the pooled UA, which is their sum, from confusion counts ``[S, C, C]``.

    UA is linear in what is right: an utterance that is right adds 1 / (classes that occur × utterances of its class).
    """
    support = by_speaker.sum((0, 2))
    weight = np.divide(1.0, support, out=np.zeros(len(support)), where=support > 0) / (support > 0).sum()
    return np.diagonal(by_speaker, axis1=1, axis2=2) @ weight
