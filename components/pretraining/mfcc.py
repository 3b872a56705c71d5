"""Mel-frequency cepstral coefficients, from which the first iteration's clusters are made (Hsu et al. 2021)."""

from __future__ import annotations

import numpy as np

from ..encoders.av_hubert.filterbank import STACKED, log, log_mel, power_spectrum

COEFFICIENTS = 13
SIZE = 3 * COEFFICIENTS
"""Of a frame: the coefficients, their deltas, and the deltas of these."""
LIFTER = 22
REACH = 2
"""Frames before and after the one whose delta is taken."""


def mfcc(samples: np.ndarray) -> np.ndarray:
    """Coefficients at the rate of the filter bank's stacked frames.

    Args:
        samples: float32 [samples], mono at 16 kHz, within ±1.

    Returns:
        float32 [T, 39] at 25 Hz: every fourth frame of those at 100 Hz.
    """
    frames = cepstrum(samples)
    first = deltas(frames)
    return np.hstack([frames, first, deltas(first)])[::STACKED].astype(np.float32)


def cepstrum(samples: np.ndarray) -> np.ndarray:
    """Coefficients as ``mfcc`` of python_speech_features 0.6 has them with its defaults, at 100 Hz.

    Args:
        samples: float32 [samples], mono at 16 kHz, within ±1.

    Returns:
        float64 [frames, 13]; the first is the logarithm of the frame's energy.
    """
    from scipy.fft import dct

    power = power_spectrum(samples)
    frames: np.ndarray = dct(log_mel(power), type=2, axis=1, norm="ortho")[:, :COEFFICIENTS]
    frames = frames * (1 + LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / LIFTER))
    frames[:, 0] = log(power.sum(axis=1))
    return frames


def deltas(frames: np.ndarray) -> np.ndarray:
    """The slope over ``REACH`` frames to either side, by least squares; the first and last frame are repeated.

    Args:
        frames: [T, F].

    Returns:
        Of the same shape.
    """
    padded = np.pad(frames, ((REACH, REACH), (0, 0)), mode="edge")
    offsets = np.arange(-REACH, REACH + 1)
    moved = (offset * padded[REACH + offset : REACH + offset + len(frames)] for offset in offsets)
    slopes: np.ndarray = np.sum(list(moved), axis=0) / np.sum(offsets**2)
    return slopes
