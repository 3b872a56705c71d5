"""The sound as AV-HuBERT hears it: log energies of 26 mel filters, four frames side by side, 25 times a second."""

from __future__ import annotations

from functools import cache

import numpy as np

RATE = 16_000
"""Of the samples."""
FRAMES_PER_S = 25
"""Of the stacked frames, as of the film's pictures."""
FILTERS, STACKED = 26, 4
WINDOW, HOP, FFT = 400, 160, 512
"""Samples: 25 ms, 10 ms, and the length of the Fourier transform."""
EMPHASIS = 0.97
INT16 = 32768.0


def stacked_filterbank(samples: np.ndarray) -> np.ndarray:
    """Frames of sound, normalised each by itself; a frame beyond the sound is zero, and stays so.

    Args:
        samples: float32 [samples], mono at 16 kHz, within ±1.

    Returns:
        float32 [T, 104] at 25 Hz; T is at least 1.
    """
    frames = log_filterbank(samples)
    short = -len(frames) % STACKED
    stacked = np.pad(frames, ((0, short), (0, 0))).reshape(-1, STACKED * FILTERS)
    return normalised(stacked)


def normalised(frames: np.ndarray) -> np.ndarray:
    """Each frame with mean 0 and variance 1, as layer normalisation without weights; float32 of the same shape."""
    mean = frames.mean(-1, keepdims=True)
    variance = frames.var(-1, keepdims=True)
    return ((frames - mean) / np.sqrt(variance + 1e-5)).astype(np.float32)


def log_filterbank(samples: np.ndarray) -> np.ndarray:
    """Log energies as ``logfbank`` of python_speech_features 0.6 has them with its defaults, at 100 Hz.

    Args:
        samples: float32 [samples], mono at 16 kHz, within ±1; they are taken as 16-bit integers, as AV-HuBERT's are.

    Returns:
        float64 [frames, 26].
    """
    return log_mel(power_spectrum(samples))


def power_spectrum(samples: np.ndarray) -> np.ndarray:
    """The power of windows of sound at 100 Hz, over the transform's length.

    Pre-emphasis, rectangular windows, the last one filled with zeros.

    Args:
        samples: as `log_filterbank`.

    Returns:
        float64 [frames, 257].
    """
    sound = np.asarray(samples, np.float64) * INT16
    emphasised = np.append(sound[:1], sound[1:] - EMPHASIS * sound[:-1])
    count = 1 + max(0, -(-(len(sound) - WINDOW) // HOP))
    filled = np.pad(emphasised, (0, max(0, (count - 1) * HOP + WINDOW - len(emphasised))))
    windows = np.lib.stride_tricks.sliding_window_view(filled, WINDOW)[::HOP][:count]
    return np.abs(np.fft.rfft(windows, FFT)) ** 2 / FFT


def log_mel(power: np.ndarray) -> np.ndarray:
    """The logarithm of the energy in triangular filters from 0 Hz to 8 kHz.

    Args:
        power: of `power_spectrum`, float64 [frames, 257].

    Returns:
        float64 [frames, 26].
    """
    return log(power @ _mel_filters().T)


def log(energy: np.ndarray) -> np.ndarray:
    """The logarithm, zeros replaced by the smallest float64 step before it."""
    return np.log(np.where(energy == 0, np.finfo(float).eps, energy))


@cache
def _mel_filters() -> np.ndarray:
    """Triangles over the bins of the spectrum, evenly spaced in mel, float64 [26, 257]."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, FILTERS + 2) / 2595) - 1)
    edges = np.floor((FFT + 1) * hertz / RATE)
    bins = np.arange(FFT // 2 + 1)
    filters = np.zeros((FILTERS, len(bins)))
    for at, (low, middle, high) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
        rising = (bins >= low) & (bins < middle)
        falling = (bins >= middle) & (bins < high)
        filters[at, rising] = (bins[rising] - low) / (middle - low)
        filters[at, falling] = (high - bins[falling]) / (high - middle)
    return filters
