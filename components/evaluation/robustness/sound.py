"""Worse sound. Every function takes and gives mono float32 samples ``[n]`` at 16 kHz, as many as before.

Where a mixture would exceed full scale it is turned down as a whole, which keeps its signal-to-noise ratio.
"""

import io
from collections.abc import Sequence

import numpy as np

RATE = 16_000
OPUS_RATE = 48_000
"""What an Opus decoder gives, whatever went in."""


def noise(samples: np.ndarray, snr: float, generator: np.random.Generator) -> np.ndarray:
    """White Gaussian noise is added.

    Args:
        snr: power of the whole utterance over that of the noise, in dB.
    """
    return _mixed(samples, generator.standard_normal(len(samples)), snr)


def babble(samples: np.ndarray, others: Sequence[np.ndarray], snr: float) -> np.ndarray:
    """Other people's speech is added, each person's of the same power, repeated where it is shorter.

    Args:
        others: samples of each of them, none of which is silent.
        snr: power of the whole utterance over that of the babble, in dB.
    """
    voices = np.stack([np.resize(other, len(samples)).astype(np.float64) for other in others])
    powers = np.sqrt(np.square(voices).mean(1, keepdims=True))
    return _mixed(samples, (voices / np.maximum(powers, 1e-12)).sum(0), snr)


def reverberation(samples: np.ndarray, rt60: float, generator: np.random.Generator) -> np.ndarray:
    """The utterance as in a room, at its former level; see `impulse_response`."""
    from scipy.signal import fftconvolve

    wet = fftconvolve(samples.astype(np.float64), impulse_response(rt60, generator))[: len(samples)]
    return _within_full_scale(wet * _rms(samples) / (_rms(wet) or 1.0))  # silence stays silence


def impulse_response(rt60: float, generator: np.random.Generator) -> np.ndarray:
    """A room as the direct sound and Gaussian noise that decays exponentially (Polack 1988).

    The reverberation has the energy of the direct sound: the listener stands at the critical distance.

    Args:
        rt60: seconds in which the reverberation falls by 60 dB.

    Returns:
        float64 ``[rt60 · RATE + 1]``; the direct sound is the first sample, 1.
    """
    times = np.arange(1, round(rt60 * RATE) + 1) / RATE
    tail = generator.standard_normal(len(times)) * 10 ** (-3 * times / rt60)
    return np.concatenate([[1.0], tail / np.linalg.norm(tail)])


def codec(samples: np.ndarray, kilobits: float) -> np.ndarray:
    """The utterance through Opus for speech, as over the telephone by internet.

    Args:
        kilobits: per second, at a constant rate.
    """
    import av
    import soxr

    coded = io.BytesIO()
    with av.open(coded, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE)
        stream.layout = "mono"
        stream.bit_rate = round(1000 * kilobits)
        stream.options = {"application": "voip", "vbr": "off"}
        frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="flt", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    coded.seek(0)
    with av.open(coded) as container:
        resampler = av.AudioResampler("flt", "mono", OPUS_RATE)
        frames = [each for frame in container.decode(audio=0) for each in resampler.resample(frame)]
    heard = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    heard = soxr.resample(heard, OPUS_RATE, RATE)[: len(samples)]
    return _within_full_scale(np.pad(heard, (0, len(samples) - len(heard))))


def shift(samples: np.ndarray, milliseconds: float) -> np.ndarray:
    """The sound out of step with the pictures: what is moved beyond an end is lost, and silence takes its place.

    Args:
        milliseconds: by which it is later; earlier where below 0.
    """
    by = round(milliseconds * RATE / 1000)
    shifted = np.zeros(len(samples), np.float32)
    begin, end = max(by, 0), len(samples) + min(by, 0)
    if begin < end:
        shifted[begin:end] = samples[begin - by : end - by]
    return shifted


def _mixed(samples: np.ndarray, added: np.ndarray, snr: float) -> np.ndarray:
    return _within_full_scale(samples + added * _rms(samples) / _rms(added) / 10 ** (snr / 20))


def _within_full_scale(samples: np.ndarray) -> np.ndarray:
    return (samples / max(1.0, float(np.abs(samples).max()))).astype(np.float32)


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
