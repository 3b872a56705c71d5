"""MFCC by their definition in python_speech_features: an independent computation, frame by frame."""

import math

import numpy as np
import pytest
from emoflow.encoders.av_hubert.filterbank import stacked_filterbank
from emoflow.pretraining.mfcc import cepstrum, deltas, mfcc


def sound(seconds: float = 0.5) -> np.ndarray:
    draws = np.random.default_rng(3)
    times = np.arange(int(16_000 * seconds)) / 16_000
    return (0.3 * np.sin(2 * np.pi * 440 * times) + 0.05 * draws.normal(size=len(times))).astype(np.float32)


def test_a_frame_is_its_definition():
    samples = sound() * 32768.0
    emphasised = np.concatenate([samples[:1], samples[1:] - 0.97 * samples[:-1]]).astype(np.float64)
    frame = 7
    power = np.abs(np.fft.fft(emphasised[160 * frame : 160 * frame + 400], 512))[:257] ** 2 / 512

    def mel(hertz: float) -> float:
        return 2595 * math.log10(1 + hertz / 700)

    edges = [700 * (10 ** (mel(8000) * step / 27 / 2595) - 1) for step in range(28)]
    bins = [math.floor(513 * edge / 16_000) for edge in edges]
    logs = []
    for low, middle, high in zip(bins, bins[1:], bins[2:], strict=False):
        energy = sum(power[k] * (k - low) / (middle - low) for k in range(low, middle))
        energy += sum(power[k] * (high - k) / (high - middle) for k in range(middle, high))
        logs.append(math.log(energy))
    expected = [math.log(power.sum())]
    for n in range(1, 13):
        total = sum(each * math.cos(math.pi * n * (2 * m + 1) / 52) for m, each in enumerate(logs))
        expected.append(math.sqrt(2 / 26) * total * (1 + 11 * math.sin(math.pi * n / 22)))
    np.testing.assert_allclose(cepstrum(sound())[frame], expected, rtol=1e-5, atol=1e-5)


def test_deltas_are_slopes():
    ramp = np.outer(np.arange(10.0), [1.0, -2.0])
    np.testing.assert_allclose(deltas(ramp)[2:-2], np.tile([1.0, -2.0], (6, 1)))
    assert deltas(ramp)[0, 0] == pytest.approx((1 * 1 + 2 * 2) / 10)


@pytest.mark.parametrize("seconds", [0.01, 0.5, 0.777])
def test_there_are_as_many_frames_as_of_the_filter_bank(seconds):
    made = mfcc(sound(seconds))
    assert made.shape == (len(stacked_filterbank(sound(seconds))), 39) and made.dtype == np.float32
