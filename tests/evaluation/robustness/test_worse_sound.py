"""Worse sound is exactly as much worse as it says, as long as before, and not louder than full scale."""

import numpy as np
import pytest
from emoflow.evaluation.robustness import sound
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import stft

RATE = sound.RATE


def voice(seconds: float = 1.5, *, pitch: float = 120.0, peak: float = 0.3) -> np.ndarray:
    """Something like a voice: harmonics of a pitch that come and go."""
    times = np.arange(round(seconds * RATE)) / RATE
    tones = sum(np.sin(2 * np.pi * pitch * k * times) / k for k in range(1, 30))
    samples = tones * np.sin(2 * np.pi * 1.5 * times) ** 2
    return (samples / np.abs(samples).max() * peak).astype(np.float32)


def decibels(ratio: float) -> float:
    return 20 * np.log10(ratio)


def gains(mixture: np.ndarray, *parts: np.ndarray) -> np.ndarray:
    """By how much each part is in a mixture, which must be made of them alone."""
    matrix = np.stack(parts, axis=1).astype(np.float64)
    found, *_ = np.linalg.lstsq(matrix, mixture.astype(np.float64), rcond=None)
    np.testing.assert_allclose(matrix @ found, mixture, atol=1e-6)
    return found


@given(snr=st.floats(-30, 40), peak=st.floats(0.002, 1))
@settings(max_examples=25)
def test_noise_has_the_ratio_asked_for_and_never_clips(snr, peak):
    clean = voice(0.5, peak=peak)
    worse = sound.noise(clean, snr, np.random.default_rng(3))
    drawn = np.random.default_rng(3).standard_normal(len(clean))
    signal, noise = gains(worse, clean, drawn)
    assert decibels(signal * clean.std() / (noise * drawn.std())) == pytest.approx(snr, abs=0.1)
    assert worse.shape == clean.shape and worse.dtype == np.float32
    assert np.abs(worse).max() <= 1


@pytest.mark.parametrize("snr", [-10.0, 0.0, 20.0])
def test_babble_has_the_ratio_asked_for_and_everybody_is_equally_loud(snr):
    clean = voice()
    others = [voice(0.8, pitch=205, peak=0.9), voice(2.0, pitch=151, peak=0.01)]
    worse = sound.babble(clean, others, snr)
    one, two = (np.resize(other, len(clean)).astype(np.float64) for other in others)
    signal, first, second = gains(worse, clean, one, two)
    babble = first * one + second * two
    ratio = signal * np.sqrt(np.mean(np.square(clean))) / np.sqrt(np.mean(np.square(babble)))
    assert decibels(ratio) == pytest.approx(snr, abs=0.1)
    assert first * np.sqrt(np.mean(one**2)) == pytest.approx(second * np.sqrt(np.mean(two**2)), rel=1e-3)
    assert worse.shape == clean.shape and worse.dtype == np.float32


@pytest.mark.parametrize("rt60", [0.2, 0.8])
def test_a_room_s_reverberation_falls_by_60_db_in_its_rt60(rt60):
    response = sound.impulse_response(rt60, np.random.default_rng(0))
    assert response[0] == 1
    tail = response[1:]
    assert np.sum(tail**2) == pytest.approx(1)
    # Schroeder (1965): the energy that is still to come; from -5 to -25 dB, as ISO 3382 fits it.
    left = 10 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1])
    fitted = slice(np.argmax(left < -5), np.argmax(left < -25))
    slope, _ = np.polyfit(np.arange(len(tail))[fitted] / RATE, left[fitted], 1)
    assert -60 / slope == pytest.approx(rt60, rel=0.1)


def test_reverberation_keeps_length_and_level_and_comes_after_the_sound():
    clean = np.concatenate([np.zeros(4000, np.float32), voice(), np.zeros(8000, np.float32)])
    worse = sound.reverberation(clean, 0.5, np.random.default_rng(0))
    assert worse.shape == clean.shape and worse.dtype == np.float32
    assert worse.std() == pytest.approx(clean.std(), rel=0.01)
    assert np.abs(worse[:4000]).max() < 1e-6
    assert np.abs(worse[-7000:-6000]).max() > 1e-3


def spectrum(samples: np.ndarray) -> np.ndarray:
    """Of every 20 ms, without its phase, which a codec for speech does not keep."""
    return np.abs(stft(samples, nperseg=320)[2])


def test_a_codec_loses_more_at_fewer_bits_and_delays_nothing():
    clean = voice()

    def error(kilobits: float) -> float:
        worse = sound.codec(clean, kilobits)
        assert worse.shape == clean.shape and worse.dtype == np.float32
        assert not np.array_equal(worse, clean)
        return float(np.linalg.norm(spectrum(worse) - spectrum(clean)) / np.linalg.norm(spectrum(clean)))

    assert error(64) < 0.1 < error(6)
    envelopes = [
        np.square(each).reshape(-1, 80).mean(1) for each in (clean, sound.codec(clean, 64))
    ]  # of each 5 ms
    alike = [np.dot(np.roll(envelopes[0], lag), envelopes[1]) for lag in range(-20, 21)]
    assert abs(int(np.argmax(alike)) - 20) <= 1


@given(milliseconds=st.integers(-700, 700))
@settings(max_examples=25)
def test_sound_is_shifted_by_as_much_as_is_asked(milliseconds):
    clean = voice(0.5)
    worse, by = sound.shift(clean, milliseconds), 16 * milliseconds
    assert worse.shape == clean.shape and worse.dtype == np.float32
    places = np.arange(len(clean))
    from_there = places - by
    heard = (from_there >= 0) & (from_there < len(clean))
    assert np.array_equal(worse[heard], clean[from_there[heard]])
    assert not worse[~heard].any()


def test_the_same_draws_are_the_same_sound():
    clean = voice(0.5)
    for change in (sound.noise, sound.reverberation):
        one, same, other = (change(clean, 0.5, np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert np.array_equal(one, same) and not np.array_equal(one, other)
    assert np.array_equal(sound.codec(clean, 12), sound.codec(clean, 12))


def test_silence_stays_silence():
    silent, draws = np.zeros(800, np.float32), np.random.default_rng(0)
    assert not sound.reverberation(silent, 0.3, draws).any()
    assert not sound.noise(silent, 0, draws).any()
    assert not sound.babble(silent, [voice(0.05)], 0).any()
    assert not sound.shift(silent, 10).any()
