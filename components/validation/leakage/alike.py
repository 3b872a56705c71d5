"""Which of many sentences are alike: min-wise hashing of their four-letter pieces.

Broder (1997), On the resemblance and containment of documents: the resemblance of two sentences is the share of the
pieces that they have in common; sentences that resemble each other are likely to have equal least hashes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ALIKE = 0.8
"""The resemblance from which on sentences are alike: a word or so differs in twelve, or case and punctuation alone."""

_PIECE = 4
_BANDS, _ROWS = 16, 4  # sentences that resemble by 0.8 share one of the bands with a probability of 99.98 %
_NEIGHBOURS = 4
_CHUNK = 1 << 15


def pairs_alike(sentences: Sequence[str]) -> np.ndarray:
    """Pairs of sentences that resemble each other by ``ALIKE`` or more, as indices: int64 [pairs, 2], sorted.

    Sentences shorter than a piece are like none. Of many that are alike not every pair is named, but they hang
    together.
    """
    pieces, owner = _pieces(sentences)
    if not len(pieces):
        return np.zeros((0, 2), np.int64)
    candidates = _candidates(pieces, owner, len(sentences))
    chunks = (candidates[begin : begin + _CHUNK] for begin in range(0, len(candidates), _CHUNK))
    counts = np.bincount(owner, minlength=len(sentences))
    held = _matrix(pieces, owner, len(sentences))
    kept = [chunk[_resemblance(held, counts, chunk) >= ALIKE] for chunk in chunks]
    return np.concatenate([*kept, np.zeros((0, 2), np.int64)])


def _pieces(sentences: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The different pieces of every sentence as hashes (uint64), and the sentence that each is of."""
    texts = [f" {sentence} " for sentence in sentences]
    letters = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    owner = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    if len(letters) < _PIECE:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    last = len(letters) - _PIECE + 1
    hashed = np.zeros(last, np.uint64)
    for place in range(_PIECE):
        hashed = _mixed(hashed ^ letters[place : place + last])
    within = owner[:last] == owner[_PIECE - 1 :]
    hashed, owner = hashed[within], owner[:last][within]
    order = np.lexsort((hashed, owner))
    hashed, owner = hashed[order], owner[order]
    new = np.append(True, (hashed[1:] != hashed[:-1]) | (owner[1:] != owner[:-1]))
    return hashed[new], owner[new]


def _candidates(pieces: np.ndarray, owner: np.ndarray, count: int) -> np.ndarray:
    starts = np.flatnonzero(np.append(True, owner[1:] != owner[:-1]))
    which = owner[starts]
    least = np.stack(
        [np.minimum.reduceat(_mixed(pieces + np.uint64(1 + n)), starts) for n in range(_BANDS * _ROWS)]
    ).reshape(_BANDS, _ROWS, -1)
    found = [np.zeros(0, np.int64)]
    for band in range(_BANDS):
        key = np.zeros(len(which), np.uint64)
        for row in least[band]:
            key = _mixed(key ^ row)
        # Where thousands share a band, those that share the next as well are tried with each other.
        order = np.lexsort((least[(band + 1) % _BANDS, 0], key))
        for step in range(1, _NEIGHBOURS + 1):
            same = np.flatnonzero(key[order[step:]] == key[order[:-step]])
            a, b = np.sort([which[order[same]], which[order[same + step]]], axis=0)
            found.append(a * count + b)
    return np.stack(np.divmod(np.unique(np.concatenate(found)), count), axis=1)


def _matrix(pieces: np.ndarray, owner: np.ndarray, count: int):
    from scipy.sparse import csr_array

    column = np.unique(pieces, return_inverse=True)[1]
    return csr_array((np.ones(len(pieces), np.int32), (owner, column)), shape=(count, column.max() + 1))


def _resemblance(held, counts: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    first, second = pairs.T
    common = np.asarray(held[first].multiply(held[second]).sum(axis=1)).ravel()
    return common / (counts[first] + counts[second] - common)


def _mixed(values: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64 (Steele et al. 2014), a bijection that leaves no bit in its place."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
