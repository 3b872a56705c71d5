"""Finding the fingerprints that are of one recording.

Sounds are looked up as in Haitsma & Kalker (2002, section 4.2): a copy keeps some moment's code almost whole, so only
clips that share one are compared in full. Measured on RAVDESS's 1,440 clips: copies in 8 kHz, in µ-law, at a tenth of
the level or with their ends cut off differ in 0 to 6 % of the signs, in MP3, Vorbis and AAC at 32 kbit/s in 6 to 15 %,
in Opus at 16 kbit/s in 14 to 18 %; two takes of one sentence by one actor in 30 % at least and mostly in 47 %; and
one sentence that a synthesiser speaks for two speakers in 21 % at least. Of the control corpus's films no two that
look alike (a cosine of 0.995) move alike by more than 0.65; copies reach 0.72 (60 kbit/s) to 0.99.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from .fingerprint_format import BLOCKS, FEWEST, PICTURES, codes, look

DIFFERENT = 0.175
"""More differing signs than this share, and two sounds are two recordings."""
DIFFERENT_SHORT = 0.12
"""The same for sounds of fewer than ``_SHORT`` moments, which chance makes alike more easily."""
_SHORT = 16
_COVERED = 0.75
"""So much of the shorter sound has to lie within the longer one."""

MOVES_ALIKE = 0.7
LOOKS_ALIKE = 0.995

_NEIGHBOURS = 4
"""Equal keys are sorted by the moment after, and each is tried with so many after it: where thousands share a key
(a hum), copies are still found next to each other."""
_AFTER = 10  # bits in which the moment after may differ
_CHUNK = 1 << 15
_PROJECTED, _ROUGHLY = 128, 0.4  # cosines of projected films are off by 0.09 (one standard deviation)
_BLOCK = 512


def same_sounds(fingerprints: Sequence[str]) -> np.ndarray:
    """Pairs of sounds that are one recording, as indices: int64 [pairs, 2], sorted, the lesser first.

    Of many copies of one recording not every pair is named, but they hang together.
    """
    decoded = [codes(each) for each in fingerprints]
    begins = np.concatenate([[0], np.cumsum([len(each) for each in decoded])]).astype(np.int64)
    every = np.concatenate([*decoded, np.zeros((0, 3), np.uint32)])
    key, compared = every[:, 0].copy(), every[:, 1].astype(np.uint64) << np.uint64(32) | every[:, 2]
    alike = [_same(compared, begins, chunk) for chunk in _chunks(_candidates(key, begins))]
    return np.unique(np.concatenate([*alike, np.zeros((0, 2), np.int64)]), axis=0)


def same_films(fingerprints: Sequence[str]) -> np.ndarray:
    """Pairs of films that are one recording, as indices: int64 [pairs, 2], sorted, the lesser first."""
    movement = np.empty((len(fingerprints), PICTURES * BLOCKS**2), np.float16)
    average = np.empty((len(fingerprints), BLOCKS**2), np.float32)
    # Johnson & Lindenstrauss (1984): a projection keeps cosines well enough to leave few pairs to be looked at.
    axes = np.random.Generator(np.random.PCG64(0)).standard_normal((movement.shape[1], _PROJECTED))
    projected = np.empty((len(fingerprints), _PROJECTED), np.float32)
    for place, fingerprint in enumerate(fingerprints):
        seen = look(fingerprint)
        movement[place], average[place] = seen.movement, seen.average
        projected[place] = seen.movement @ axes
    projected /= np.maximum(np.linalg.norm(projected, axis=1, keepdims=True), 1e-9)

    pairs = [np.zeros((0, 2), np.int64)]
    for begin in range(0, len(fingerprints), _BLOCK):
        cosine = projected[begin : begin + _BLOCK] @ projected[begin:].T
        first, second = np.nonzero(cosine > _ROUGHLY)
        later = first < second
        for chunk in _chunks(np.stack([first[later], second[later]], axis=1) + begin):
            a, b = chunk.T
            alike = (movement[a].astype(np.float32) * movement[b]).sum(1) >= MOVES_ALIKE
            alike &= (average[a] * average[b]).sum(1) >= LOOKS_ALIKE
            pairs.append(chunk[alike])
    return np.unique(np.concatenate(pairs), axis=0)


def _candidates(every: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Where two clips may be laid on each other: int64 [n, 3] of clip, clip, and the second's lag in moments."""
    clip = np.repeat(np.arange(len(begins) - 1), np.diff(begins))
    after = np.append(every[1:], np.uint32(0))
    coded = np.flatnonzero(every)
    found = [np.zeros((0, 3), np.int64)]
    for byte in range(4):  # one of a code's four bytes may be wrong in any way
        key = every[coded] & ~np.uint32(0xFF << (8 * byte))
        order = coded[np.argsort(key.astype(np.uint64) << np.uint64(32) | after[coded], kind="stable")]
        key = every[order] & ~np.uint32(0xFF << (8 * byte))
        for step in range(1, _NEIGHBOURS + 1):
            same = np.flatnonzero(key[step:] == key[:-step])
            a, b = order[same], order[same + step]
            kept = (clip[a] != clip[b]) & (np.bitwise_count(after[a] ^ after[b]) <= _AFTER)
            a, b = np.sort([a[kept], b[kept]], axis=0)
            lag = (b - begins[clip[b]]) - (a - begins[clip[a]])
            found.append(np.stack([clip[a], clip[b], lag], axis=1))
    return np.unique(np.concatenate(found), axis=0)


def _same(every: np.ndarray, begins: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Those of the candidates whose codes agree all along: int64 [n, 2]."""
    first, second, lag = candidates.T
    lengths = np.diff(begins)
    begin = np.maximum(0, -lag)  # within the first clip
    common = np.minimum(lengths[first], lengths[second] - lag) - begin
    row = np.repeat(np.arange(len(candidates)), common)
    place = np.arange(len(row)) - np.repeat(np.cumsum(common) - common, common)
    a = every[(begins[first] + begin)[row] + place]
    b = every[(begins[second] + begin + lag)[row] + place]
    both = (a != 0) & (b != 0)
    compared = np.bincount(row, both, len(candidates))
    differ = np.bincount(row, np.bitwise_count(a ^ b) * both, len(candidates)) / np.maximum(64 * compared, 1)

    loud = np.add.reduceat(np.append(every != 0, False), begins[:-1], dtype=np.int64)
    enough = np.maximum(FEWEST, _COVERED * np.minimum(loud[first], loud[second]))
    limit = np.where(compared < _SHORT, DIFFERENT_SHORT, DIFFERENT)
    return candidates[(compared >= enough) & (differ <= limit), :2]


def _chunks(rows: np.ndarray) -> Iterator[np.ndarray]:
    return (rows[begin : begin + _CHUNK] for begin in range(0, len(rows), _CHUNK))
