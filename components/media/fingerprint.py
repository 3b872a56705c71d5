"""Audio and video fingerprints, which survive resampling, a change of level and re-encoding.

A sound's is that of Haitsma & Kalker (2002), A highly robust audio fingerprinting system: of each moment 32 signs
of differences between bands, which a codec hardly changes; and 64 of narrower bands, since two performances of one
sentence differ in the voice's overtones alone. A film's is how its picture moves, as block means, and
how it looks on average (after Oostveen, Kalker & Haitsma 2002, Feature extraction and a database strategy for video
fingerprinting). ``fingerprint_matching`` finds which fingerprints are of one recording.
"""

from collections.abc import Sequence

import av
import numpy as np

from .audio import RATE
from .fingerprint_format import BLOCKS, FEWEST, PICTURES, written

VERSION = 1
"""Of both fingerprints: raised when the same recording gives another one."""

HOP_S = 0.048
_DECIMATED = 3  # 16 kHz → 5.3 kHz: the bands end at 2 kHz, which a telephone's 8 kHz keeps too
_HOP = round(HOP_S * RATE / _DECIMATED)
_WINDOW = 2048  # 0.384 s; the paper's is 0.37 s
_LOWEST_HZ, _HIGHEST_HZ = 300, 2000
_COARSE, _FINE = (
    32,
    64,
)  # bands, less one: as wide as hearing's, by which to look up; and as wide as a voice's overtones
_MOMENTS = 4096  # at once
_QUIET = 1e-4  # of the loudest moment's power: what lies below is noise, which every codec changes

_INNER = 4  # pixels of a block of a picture, each way
_STILL = 0.25  # grey levels: less movement than a codec's noise makes


def fingerprint_sound(samples: np.ndarray) -> str | None:
    """What a sound is known by: one code every ``HOP_S``, from the first loud moment to the last.

    Args:
        samples: float32 [n], mono, 16 kHz, as ``decode_audio`` gives them.

    Returns:
        For ``fingerprint_format.codes``; None where fewer than ``FEWEST`` moments are loud.
    """
    import scipy.fft
    import scipy.signal

    low = np.pad(scipy.signal.resample_poly(samples, 1, _DECIMATED), _WINDOW // 2).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(low, _WINDOW)[::_HOP]
    edges = (
        np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _COARSE + 2),
        np.linspace(_LOWEST_HZ, _HIGHEST_HZ, _FINE + 2),
        np.array([_LOWEST_HZ, _HIGHEST_HZ]),
    )
    found: list[list[np.ndarray]] = [[], [], []]
    for at in range(0, len(windows), _MOMENTS):  # spectra take a hundred times the memory of their bands
        tapered = (windows[at : at + _MOMENTS] * np.hanning(_WINDOW)).astype(np.float32)
        power = np.abs(scipy.fft.rfft(tapered, axis=1)) ** 2
        summed = np.pad(np.cumsum(power, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
        for bands, hertz in zip(found, edges, strict=True):
            bands.append(np.diff(summed[:, _bins(hertz)], axis=1))
    coarse, fine, loud = (np.concatenate(bands) for bands in found)

    loudness = loud[1:, 0]
    codes = np.hstack([_signs(coarse), _signs(fine)])
    codes[loudness <= _QUIET * loudness.max(initial=0)] = 0
    there = np.flatnonzero(codes.any(axis=1))
    return written(codes[there[0] : there[-1] + 1]) if len(there) >= FEWEST else None


def fingerprint_face(images: np.ndarray | Sequence[np.ndarray]) -> str | None:
    """What the film of a talker is known by: how its picture moves, and looks on average.

    The whole picture is taken: where a detector sees the face jumps by some pixels from copy to copy, and hides the
    small movements that tell one performance from the next.

    Args:
        images: RGB uint8 [n, H, W, 3], ``PICTURES`` of a clip, evenly spaced.

    Returns:
        For ``fingerprint_format.look``; None for fewer pictures, and for a film in which nothing moves.
    """
    if len(images) != PICTURES:
        return None
    blocks = np.stack([_block_means(image) for image in images])
    movement = blocks - np.roll(blocks, 1, axis=0)
    average = blocks.mean(0)
    if np.sqrt((movement**2).mean()) < _STILL:
        return None
    return written(np.concatenate([_quantised(movement), _quantised(average - average.mean())]))


def _signs(bands: np.ndarray) -> np.ndarray:
    """Whether the difference of neighbouring bands falls from moment to moment: uint32 [moments, bits / 32]."""
    falls = np.diff(np.diff(bands, axis=1), axis=0) < 0
    return np.ascontiguousarray(np.packbits(falls, axis=1, bitorder="little")).view("<u4")


def _bins(hertz: np.ndarray) -> np.ndarray:
    return np.round(hertz * _WINDOW * _DECIMATED / RATE).astype(int)


def _block_means(image: np.ndarray) -> np.ndarray:
    side = BLOCKS * _INNER
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    small = frame.reformat(width=side, height=side, format="gray", interpolation="AREA").to_ndarray()
    return small.reshape(BLOCKS, _INNER, BLOCKS, _INNER).mean((1, 3), dtype=np.float64)


def _quantised(values: np.ndarray) -> np.ndarray:
    return np.round(values.ravel() * (127 / max(np.abs(values).max(), 1e-9))).astype(np.int8)
