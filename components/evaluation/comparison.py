"""Paired tests between strategies, and against the planted ceiling, corrected for how many there are."""

from collections.abc import Iterator, Sequence
from math import comb

import numpy as np

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


def sign_flip(differences: Sequence[np.ndarray], *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two-sided permutation p-values that each pair's differences add up to 0, alone and corrected over the pairs.

    If two strategies are equally good, each speaker's difference is as likely to have the other sign; so the sum is
    compared with those of all sign patterns (of 16,384 drawn ones where there are more than 14 speakers). A pattern
    flips a speaker in all pairs at once; so the pairs stay as dependent as they are, and the correction is the
    step-down max-T of Westfall & Young, "Resampling-Based Multiple Testing" (1993), algorithm 4.1. The sums are
    divided by the root of their summed squares, which no pattern changes, so that no pair outweighs another.

    Args:
        differences: ``[P, S]``, of each pair of strategies and each speaker.
        seed: of the drawn patterns.

    Returns:
        The p-values ``[P]`` of each pair alone, and those corrected.
    """
    paired = np.asarray(differences, dtype=float)
    if not paired.size:
        return np.ones(len(paired)), np.ones(len(paired))
    scale = np.sqrt((paired**2).sum(1))
    standardised = paired / np.where(scale > 1e-12, scale, 1.0)[:, None]
    observed = np.abs(standardised.sum(1)) - 1e-9  # ties are ties in spite of rounding
    order = np.argsort(-observed, kind="stable")
    alone, stepped, patterns = np.zeros(len(order)), np.zeros(len(order)), 0
    for signs in _sign_patterns(paired.shape[1], seed):
        flipped = np.abs(signs @ standardised.T)
        alone += (flipped >= observed).sum(0)
        largest = np.maximum.accumulate(flipped[:, order[::-1]], axis=1)[
            :, ::-1
        ]  # of this pair and weaker ones
        stepped[order] += (largest >= observed[order]).sum(0)
        patterns += len(signs)
    drawn = paired.shape[1] > EXACT_UP_TO  # then the observed pattern counts as one more
    alone, stepped = ((count + drawn) / (patterns + drawn) for count in (alone, stepped))
    stepped[order] = np.maximum.accumulate(stepped[order])
    return alone, stepped


def _sign_patterns(speakers: int, seed: int) -> Iterator[np.ndarray]:
    """Patterns of 1 and -1, ``[n, S]`` at a time: all of them, or 16,384 drawn ones."""
    generator = np.random.default_rng(seed)
    for start in range(0, 2 ** min(speakers, EXACT_UP_TO), 1024):
        if speakers > EXACT_UP_TO:
            bits = generator.integers(0, 2, (1024, speakers), dtype=np.int8)
        else:
            bits = np.arange(start, min(start + 1024, 2**speakers))[:, None] >> np.arange(speakers) & 1
        yield 2.0 * bits - 1.0


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
    p: float = ways / 2**disputed
    return p


def ua_shares(by_speaker: np.ndarray) -> np.ndarray:
    """Each speaker's share ``[S]`` of the pooled UA, which is their sum, from confusion counts ``[S, C, C]``.

    UA is linear in what is right: an utterance that is right adds 1 / (classes that occur × utterances of its class).
    """
    support = by_speaker.sum((0, 2))
    weight = np.divide(1.0, support, out=np.zeros(len(support)), where=support > 0) / (support > 0).sum()
    shares: np.ndarray = np.diagonal(by_speaker, axis1=1, axis2=2) @ weight
    return shares
