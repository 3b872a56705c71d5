"""The most probable text of a clip, from log probabilities of characters at each frame."""

from __future__ import annotations

import numpy as np

from .vocabulary import BLANK

Prefixes = dict[tuple[int, ...], tuple[float, float]]
"""Prefix → log probabilities of its ways that end in a blank, and of those that end in its last character."""


def greedy(log_probabilities: np.ndarray) -> list[int]:
    """The most probable character of each frame; repeated ones are one, and blanks none.

    Args:
        log_probabilities: ``[T, V]``.
    """
    best = log_probabilities.argmax(-1)
    changed = np.append(True, best[1:] != best[:-1])[: len(best)]
    return [int(each) for each in best[changed] if each != BLANK]


def beam(log_probabilities: np.ndarray, *, width: int) -> list[int]:
    """The most probable text found by prefix beam search (Graves 2012; Hannun et al. 2014), without a language model.

    The probability of a text is the sum over all ways of spreading it over the frames.

    Args:
        log_probabilities: ``[T, V]``.
        width: how many prefixes are followed.
    """
    nothing = -np.inf
    prefixes: Prefixes = {(): (0.0, nothing)}
    for frame in log_probabilities.astype(np.float64):
        likely = [int(each) for each in np.argsort(frame)[::-1][: width + 1] if each != BLANK]
        found: Prefixes = {}

        for prefix, (ends_blank, ends_character) in prefixes.items():
            either = float(np.logaddexp(ends_blank, ends_character))
            _add(found, prefix, either + frame[BLANK], nothing)
            if prefix:
                _add(found, prefix, nothing, ends_character + frame[prefix[-1]])
            for character in likely:
                # The same character again is a second one only behind a blank.
                before = ends_blank if prefix and character == prefix[-1] else either
                _add(found, (*prefix, character), nothing, before + frame[character])
        prefixes = dict(sorted(found.items(), key=_rank)[:width])
    return list(min(prefixes.items(), key=_rank)[0])


def _rank(prefix: tuple[tuple[int, ...], tuple[float, float]]) -> tuple[float, tuple[int, ...]]:
    """Lower is more probable; of equals the first in the order of their numbers."""
    return -float(np.logaddexp(*prefix[1])), prefix[0]


def _add(found: Prefixes, prefix: tuple[int, ...], blank: float, character: float) -> None:
    """Add the probabilities of further ways to a prefix."""
    old = found.get(prefix, (-np.inf, -np.inf))
    found[prefix] = (float(np.logaddexp(old[0], blank)), float(np.logaddexp(old[1], character)))
