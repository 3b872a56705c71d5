"""Another tempo keeps the pitch, another pitch the tempo."""

import numpy as np
import pytest
from emoflow.evaluation.robustness import pace
from hypothesis import given, settings
from hypothesis import strategies as st
from test_worse_sound import RATE, voice


def fundamental(samples: np.ndarray) -> float:
    """Hz of the strongest tone below 300 Hz."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18))
    hertz = np.fft.rfftfreq(1 << 18, 1 / RATE)
    return float(hertz[power[: np.searchsorted(hertz, 300)].argmax()])


def agree_in_time(one: np.ndarray, other: np.ndarray) -> bool:
    """To 20 ms: the filter's windows are longer than that."""
    lags = range(-RATE // 50, RATE // 50, 20)
    return max(np.corrcoef(np.roll(one, lag), other)[0, 1] for lag in lags) > 0.98


def loudness(samples: np.ndarray) -> np.ndarray:
    """Over time, by windows of 50 ms."""
    return np.convolve(np.abs(samples), np.ones(800) / 800, "same")


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.25, 2])
def test_another_tempo_has_another_length_at_the_same_pitch(factor):
    clean = voice()
    worse = pace.tempo(clean, factor)
    assert worse.shape == (round(len(clean) / factor),) and worse.dtype == np.float32
    assert fundamental(worse) == pytest.approx(fundamental(clean), rel=0.01)
    stretched = np.interp(np.arange(len(worse)) * factor, np.arange(len(clean)), loudness(clean))
    assert agree_in_time(loudness(worse), stretched)
    assert worse.std() == pytest.approx(clean.std(), rel=0.05)


@pytest.mark.parametrize("semitones", [-12, -3, 3, 12])
def test_another_pitch_has_the_same_tempo(semitones):
    clean = voice()
    worse = pace.pitch(clean, semitones)
    assert worse.shape == clean.shape and worse.dtype == np.float32
    assert fundamental(worse) == pytest.approx(fundamental(clean) * 2 ** (semitones / 12), rel=0.01)
    assert agree_in_time(loudness(worse), loudness(clean))
    assert worse.std() == pytest.approx(clean.std(), rel=0.05)


def test_no_change_is_no_change():
    clean = voice(0.5)
    assert np.array_equal(pace.tempo(clean, 1), clean)
    assert np.array_equal(pace.pitch(clean, 0), clean)


@given(length=st.integers(1, 2000), factor=st.floats(0.5, 2), semitones=st.floats(-12, 12))
@settings(max_examples=30, deadline=None)
def test_however_short_it_has_its_length_and_never_clips(length, factor, semitones):
    loud = voice(0.2, peak=1.0)[:length]
    faster, higher = pace.tempo(loud, factor), pace.pitch(loud, semitones)
    assert len(faster) == round(len(loud) / factor) and len(higher) == len(loud)
    assert max(np.abs(faster).max(initial=0), np.abs(higher).max(initial=0)) <= 1
