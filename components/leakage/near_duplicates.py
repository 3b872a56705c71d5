"""Finds pairs of sentences that are the same except for one word: omitted, added, or spelt slightly differently.

Each sentence is indexed under its words without one of them, in turn, so that near-duplicates share a key. This is
exact, needs no threshold, and keeps sentences of one pattern apart ("… on Monday", "… at noon").
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

SIMILAR_SPELLING = 0.8
"""Of two words' letters, the share that they have in common in order (Ratcliff & Obershelp 1988)."""

_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that it has an inverse among the 64-bit numbers
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))


def near_duplicate_pairs(sentences: Sequence[Sequence[str]]) -> np.ndarray:
    """Find the pairs of sentences that are the same, or the same except for one word.

    Args:
        sentences: the words of each.

    Returns:
        Pairs of indices, int64 ``[pairs, 2]``. Of a group of near-duplicates not every pair is named, but the pairs
        connect the group. Sentences without words are in no pair.
    """
    lengths = np.array([len(words) for words in sentences], dtype=np.int64)
    words, word = np.unique([each for words in sentences for each in words], return_inverse=True)
    if not len(word):
        return np.zeros((0, 2), np.int64)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    begin = np.repeat(np.cumsum(lengths) - lengths, lengths)
    power = _powers(int(lengths.max()))
    place = np.arange(len(word)) - begin

    # A sentence's hash is the sum of its words' hashes, each times a power of its place; all of it modulo 2⁶⁴.
    part = _mixed(word.astype(np.uint64) + _BASE) * power[place]  # numbers apart from those of lengths
    until = np.cumsum(part, dtype=np.uint64)
    whole = np.zeros(len(lengths), np.uint64)
    np.add.at(whole, owner, part)
    before = until - part - (until - part)[begin]
    after = whole[owner] - before - part

    full = _mixed(whole ^ _mixed(lengths.astype(np.uint64)))
    shorter = _mixed((before + after * _INVERSE) ^ _mixed(lengths[owner].astype(np.uint64) - np.uint64(1)))
    starred = _mixed(
        (before + after) ^ _mixed(lengths[owner].astype(np.uint64) << np.uint64(32) | place.astype(np.uint64))
    )

    # Under one key the whole sentences come first, then those that lack a word; of those none may have been alone.
    keys = np.concatenate([full, shorter[lengths[owner] > 1]])
    owners = np.concatenate([np.arange(len(lengths)), owner[lengths[owner] > 1]])
    order = np.argsort(keys, kind="stable")
    met = order[np.searchsorted(keys[order], keys)]
    joined = np.stack([owners[met], owners], axis=1)[met < len(lengths)]

    order = np.lexsort((word, starred))
    same = np.flatnonzero(starred[order[1:]] == starred[order[:-1]])
    a, b = order[same], order[same + 1]
    spelt = np.array(
        [_similar_spelling(words[x], words[y]) for x, y in zip(word[a], word[b], strict=True)], dtype=bool
    )
    joined = np.concatenate([joined, np.stack([owner[a], owner[b]], axis=1)[spelt]])
    joined.sort(axis=1)
    joined = joined[(joined[:, 0] < joined[:, 1]) & (lengths[joined[:, 0]] > 0)]
    return np.unique(joined, axis=0)


@lru_cache(maxsize=1 << 16)
def _similar_spelling(a: str, b: str) -> bool:
    if a == b:
        return True
    numbers = any(each.isdigit() for each in a + b)  # those are other numbers, not the same misspelt
    return not numbers and difflib.SequenceMatcher(None, a, b, autojunk=False).ratio() >= SIMILAR_SPELLING


def _powers(count: int) -> np.ndarray:
    power = np.full(max(count, 1), _BASE)
    power[0] = 1
    return np.multiply.accumulate(power)


def _mixed(values: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64 (Steele et al. 2014), a bijection that leaves no bit in its place."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
