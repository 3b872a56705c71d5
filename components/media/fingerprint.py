"""Fingerprints: the same recording is known again after resampling, another level or another codec.

A sound's is that of Haitsma & Kalker (2002), A highly robust audio fingerprinting system: of each moment 32 signs
of differences between bands, which a codec hardly changes. A film's is how its picture moves, as block means, and
how it looks on average (after Oostveen, Kalker & Haitsma 2002, Feature extraction and a database strategy for video
fingerprinting). ``matching`` tells which fingerprints are of one recording.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import av
import numpy as np

from .audio import RATE

VERSION = 1
"""Of both fingerprints: raised when the same recording gives another one."""

PICTURES = 16
"""So many pictures of a clip, evenly spaced (``frames(…, count=PICTURES)``), make its fingerprint."""

FEWEST = 8
"""Loud moments below which a sound is too short to be known by them."""

HOP_S = 0.048
_DECIMATED = 3  # 16 kHz → 5.3 kHz: the bands end at 2 kHz, which a telephone's 8 kHz keeps too
_HOP = round(HOP_S * RATE / _DECIMATED)
_WINDOW = 2048  # 0.384 s; the paper's is 0.37 s
_BITS = 32
_LOWEST_HZ, _HIGHEST_HZ = 300, 2000
_QUIET = 1e-4  # of the loudest moment's power: what lies below is noise, which every codec changes

_BLOCKS = 8  # of a picture, each way
_INNER = 4  # pixels of a block, each way
_STILL = 0.25  # grey levels: less movement than a codec's noise makes


@dataclass(frozen=True)
class Look:
    """A film's fingerprint: two vectors of length 1."""

    movement: np.ndarray
    """float32 [PICTURES · 64]: how much lighter each block is than in the picture before."""
    average: np.ndarray
    """float32 [64]: each block's grey over the whole clip, the picture's own mean taken away."""


def fingerprint_sound(samples: np.ndarray) -> str | None:
    """What a sound is known by: one code every ``HOP_S``, from the first loud moment to the last.

    Args:
        samples: float32 [n], mono, 16 kHz, as ``decode_audio`` gives them.

    Returns:
        For ``codes``; None where fewer than ``FEWEST`` moments are loud.
    """
    import scipy.fft
    import scipy.signal

    low = np.pad(scipy.signal.resample_poly(samples, 1, _DECIMATED), _WINDOW // 2).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(low, _WINDOW)[::_HOP] * np.hanning(_WINDOW)
    power = np.abs(scipy.fft.rfft(windows.astype(np.float32), axis=1)) ** 2
    summed = np.pad(np.cumsum(power, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    hertz = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _BITS + 2)
    bands = np.diff(summed[:, np.round(hertz * _WINDOW * _DECIMATED / RATE).astype(int)], axis=1)

    loudness = bands.sum(1)[1:]
    signs = np.diff(np.diff(bands, axis=1), axis=0) < 0
    packed = np.ascontiguousarray(np.packbits(signs, axis=1, bitorder="little")).view("<u4").ravel()
    packed[loudness <= _QUIET * loudness.max(initial=0)] = 0
    there = np.flatnonzero(packed)
    return _text(packed[there[0] : there[-1] + 1]) if len(there) >= FEWEST else None


def codes(fingerprint: str) -> np.ndarray:
    """A sound's codes, uint32 [moments]; 0 where it is too quiet to tell."""
    return np.frombuffer(base64.b64decode(fingerprint), dtype="<u4")


def fingerprint_face(images: np.ndarray | Sequence[np.ndarray]) -> str | None:
    """What the film of a talker is known by: how its picture moves, and looks on average.

    The whole picture is taken: where a detector sees the face jumps by some pixels from copy to copy, and hides the
    small movements that tell one performance from the next.

    Args:
        images: RGB uint8 [n, H, W, 3], ``PICTURES`` of a clip, evenly spaced.

    Returns:
        For ``look``; None for fewer pictures, and for a film in which nothing moves.
    """
    if len(images) != PICTURES:
        return None
    blocks = np.stack([_block_means(image) for image in images])
    movement = blocks - np.roll(blocks, 1, axis=0)
    average = blocks.mean(0)
    if np.sqrt((movement**2).mean()) < _STILL:
        return None
    return _text(np.concatenate([_quantised(movement), _quantised(average - average.mean())]))


def look(fingerprint: str) -> Look:
    """A film's two vectors."""
    values = np.frombuffer(base64.b64decode(fingerprint), dtype=np.int8).astype(np.float32)
    movement, average = np.split(values, [PICTURES * _BLOCKS**2])
    return Look(_unit(movement), _unit(average))


def _block_means(image: np.ndarray) -> np.ndarray:
    side = _BLOCKS * _INNER
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    small = frame.reformat(width=side, height=side, format="gray", interpolation="AREA").to_ndarray()
    return small.reshape(_BLOCKS, _INNER, _BLOCKS, _INNER).mean((1, 3), dtype=np.float64)


def _quantised(values: np.ndarray) -> np.ndarray:
    return np.round(values.ravel() * (127 / max(np.abs(values).max(), 1e-9))).astype(np.int8)


def _unit(values: np.ndarray) -> np.ndarray:
    return values / max(float(np.linalg.norm(values)), 1e-9)


def _text(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")
