"""The filter bank against its definition, written out frame by frame and filter by filter."""

import numpy as np
import pytest
from emoflow.encoders.av_hubert.clip import joined
from emoflow.encoders.av_hubert.filterbank import log_filterbank, stacked_filterbank


def by_definition(samples: np.ndarray) -> np.ndarray:
    """Log energies at 100 Hz, as python_speech_features' ``logfbank`` defines them, without a product of matrices."""
    sound = samples.astype(np.float64) * 32768
    emphasised = np.array([sound[0], *(sound[1:] - 0.97 * sound[:-1])])
    frames = 1 if len(sound) <= 400 else 1 + int(np.ceil((len(sound) - 400) / 160))
    mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 28)
    edges = [int(np.floor(513 * 700 * (10 ** (each / 2595) - 1) / 16000)) for each in mel]
    rows = []
    for at in range(frames):
        window = emphasised[at * 160 : at * 160 + 400]
        window = np.concatenate([window, np.zeros(400 - len(window))])
        turns = np.exp(-2j * np.pi * np.outer(np.arange(257), np.arange(400)) / 512)
        power = np.abs(turns @ window) ** 2 / 512
        row = []
        for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
            energy = sum(power[k] * (k - low) / (middle - low) for k in range(low, middle))
            energy += sum(power[k] * (high - k) / (high - middle) for k in range(middle, high))
            row.append(np.log(energy or np.finfo(float).eps))
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("samples", [1, 399, 400, 401, 560, 561, 4321])
def test_the_filter_bank_is_that_of_its_definition(samples):
    sound = np.random.default_rng(samples).uniform(-0.5, 0.5, samples).astype(np.float32)
    np.testing.assert_allclose(log_filterbank(sound), by_definition(sound), atol=1e-4)


def test_silence_has_the_logarithm_of_the_smallest_step():
    assert np.allclose(log_filterbank(np.zeros(800, np.float32)), np.log(np.finfo(float).eps))


def test_four_frames_make_one_and_missing_ones_are_zero():
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 16000).astype(np.float32)
    frames, stacked = log_filterbank(sound), stacked_filterbank(sound)
    assert len(frames) == 99 and stacked.shape == (25, 104)
    first = frames[:4].reshape(-1)
    np.testing.assert_allclose(stacked[0], (first - first.mean()) / np.sqrt(first.var() + 1e-5), atol=1e-5)
    assert np.allclose(stacked.mean(1), 0, atol=1e-5) and np.allclose(stacked.std(1), 1, atol=1e-3)


def test_a_gain_cancels():
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 400 + 47 * 160).astype(np.float32)
    np.testing.assert_allclose(stacked_filterbank(sound), stacked_filterbank(sound / 8), atol=1e-3)


@pytest.mark.parametrize("heard", [3, 5, 8])
def test_sound_has_as_many_frames_as_there_are_pictures(heard):
    audio = np.ones((heard, 104), np.float32)
    clip = joined(audio, np.zeros((5, 88, 88), np.uint8), np.ones(5, bool))
    assert len(clip) == len(clip.audio) == 5
    assert clip.audio[: min(heard, 5)].all() and not clip.audio[heard:].any()
