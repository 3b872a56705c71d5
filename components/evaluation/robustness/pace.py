"""Another tempo, another pitch. Every function takes and gives mono float32 samples at 16 kHz."""

import av
import numpy as np
import soxr

from .sound import RATE

TAIL = RATE // 10
"""Samples of silence that are stretched behind the utterance: the filter holds its last window back."""


def tempo(samples: np.ndarray, factor: float) -> np.ndarray:
    """The utterance said faster or more slowly, at its pitch, by FFmpeg's ``atempo`` (WSOLA, Verhelst & Roelands 1993).

    Args:
        samples: ``[n]``.
        factor: of the tempo, 0.5 to 2; above 1: faster.

    Returns:
        ``[round(n / factor)]``.
    """
    return _of_length(_stretched(samples, factor), round(len(samples) / factor))


def pitch(samples: np.ndarray, semitones: float) -> np.ndarray:
    """The utterance higher or lower, formants included, as long as before.

    Args:
        samples: ``[n]``.
        semitones: -12 to 12; above 0: higher.

    Returns:
        ``[n]``.
    """
    ratio = 2 ** (semitones / 12)
    played_faster = soxr.resample(samples, RATE * ratio, RATE)
    return _of_length(_stretched(played_faster, 1 / ratio), len(samples))


def _stretched(samples: np.ndarray, factor: float) -> np.ndarray:
    if factor == 1:
        return samples
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=RATE, format="flt", layout="mono")
    stages = [source, graph.add("atempo", f"{factor:.9f}"), graph.add("abuffersink")]
    graph.link_nodes(*stages).configure()
    padded = np.pad(samples, (0, TAIL)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(padded[None], format="flt", layout="mono")
    frame.sample_rate = RATE
    graph.push(frame)
    graph.push(None)
    heard = []
    while True:
        try:
            heard.append(graph.pull().to_ndarray()[0])
        except (av.EOFError, av.BlockingIOError):
            return np.concatenate(heard)


def _of_length(samples: np.ndarray, length: int) -> np.ndarray:
    """Cut, or continued by silence; turned down as a whole where it would exceed full scale."""
    samples = samples[:length] / max(1.0, float(np.abs(samples).max(initial=0.0)))
    return np.pad(samples, (0, length - len(samples))).astype(np.float32)
