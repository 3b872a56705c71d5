"""Fingerprints: the same recording in another form has the same one, another performance has not."""

import base64

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.media import PICTURES, fingerprint_face, fingerprint_sound
from components.media.fingerprint import FEWEST, codes, look

RATE = 16_000


def speech(seed: int, seconds: float = 2.0) -> np.ndarray:
    """Noise through bands that open and close: not speech, but as lively."""
    random = np.random.default_rng(seed)
    count = int(seconds * RATE)
    spectrum = np.fft.rfft(random.normal(size=(8, count)), axis=1)
    edges = np.geomspace(200, 3000, 9) * seconds
    where = np.arange(spectrum.shape[1])
    bands = np.stack(
        [np.fft.irfft(spectrum[n] * ((where >= edges[n]) & (where < edges[n + 1])), count) for n in range(8)]
    )
    level = np.repeat(random.uniform(0, 1, size=(8, int(seconds * 10) + 1)) ** 2, RATE // 10, axis=1)[
        :, :count
    ]
    mixed = (bands * level).sum(0)
    return (0.3 * mixed / np.abs(mixed).max()).astype(np.float32)


def film(seed: int, *, pictures: int = PICTURES, height: int = 96, width: int = 128) -> np.ndarray:
    """A bright spot that wanders over a background of its own."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width] / [[[height]], [[width]]]
    still = 80 + 60 * np.sin(columns * random.uniform(3, 9)) * np.cos(rows * random.uniform(3, 9))
    places = random.uniform(0.2, 0.8, size=(pictures, 2))
    spots = [still + 90 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 0.02) for y, x in places]
    return np.repeat(np.clip(spots, 0, 255).astype(np.uint8)[..., None], 3, axis=3)


def differing(a: str, b: str) -> float:
    first, second = codes(a), codes(b)
    assert abs(len(first) - len(second)) <= 8  # moments whose window reaches into silence
    count = min(len(first), len(second))
    return float(np.bitwise_count(first[:count] ^ second[:count]).mean() / 32)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), gain=st.floats(0.02, 3))
def test_the_level_does_not_matter(seed, gain):
    samples = speech(seed)
    assert differing(fingerprint_sound(samples), fingerprint_sound(samples * np.float32(gain))) < 0.01


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), before=st.integers(0, RATE), after=st.integers(0, RATE))
def test_silence_around_it_is_not_part_of_it(seed, before, after):
    samples = speech(seed)
    padded = np.pad(samples, (768 * (before // 768), after))
    assert differing(fingerprint_sound(samples), fingerprint_sound(padded)) < 0.05


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_resampling_hardly_changes_it(rate):
    import soxr

    samples = speech(1)
    copy = soxr.resample(soxr.resample(samples, RATE, rate), rate, RATE)
    assert differing(fingerprint_sound(samples), fingerprint_sound(copy)) < 0.02


def test_another_sound_has_another_fingerprint():
    assert differing(fingerprint_sound(speech(1)), fingerprint_sound(speech(2))) > 0.4


@pytest.mark.parametrize(
    "samples", [np.zeros(RATE, np.float32), speech(1, seconds=0.2), np.zeros(0, np.float32)]
)
def test_what_is_silent_or_too_short_has_none(samples):
    assert fingerprint_sound(samples) is None


def test_a_moment_takes_four_bytes():
    held = fingerprint_sound(speech(3, seconds=3.0))
    assert FEWEST <= len(codes(held)) == len(base64.b64decode(held)) // 4 <= 64


def test_a_smaller_lighter_copy_of_a_film_looks_and_moves_alike():
    first = look(fingerprint_face(film(1)))
    second = look(fingerprint_face(film(1, height=72, width=72) // 2 + 40))
    assert first.movement @ second.movement > 0.98
    assert first.average @ second.average > 0.999


def test_another_film_moves_otherwise():
    first, second = look(fingerprint_face(film(1))), look(fingerprint_face(film(2)))
    assert first.movement @ second.movement < 0.5


def test_a_film_without_movement_or_with_too_few_pictures_has_none():
    still = np.repeat(film(1)[:1], PICTURES, axis=0)
    assert fingerprint_face(still) is None
    assert fingerprint_face(film(1)[:5]) is None
