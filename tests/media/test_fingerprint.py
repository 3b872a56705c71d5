"""Fingerprints: the same recording in another form has the same one, another performance has not."""

import base64

import numpy as np
import pytest
from emoflow.media import PICTURES, fingerprint_face, fingerprint_sound
from emoflow.media.fingerprint_format import FEWEST, codes
from emoflow.media.fingerprint_matching import same_films, same_sounds
from hypothesis import given, settings
from hypothesis import strategies as st

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


def one_recording(a: np.ndarray, b: np.ndarray) -> bool:
    return same_sounds([fingerprint_sound(a), fingerprint_sound(b)]).tolist() == [[0, 1]]


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), gain=st.floats(0.02, 3))
def test_the_level_does_not_matter(seed, gain):
    samples = speech(seed)
    assert one_recording(samples, samples * np.float32(gain))


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), before=st.integers(0, RATE), after=st.integers(0, RATE))
def test_silence_around_it_is_not_part_of_it(seed, before, after):
    samples = speech(seed)
    assert one_recording(samples, np.pad(samples, (before, after)))


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_resampling_hardly_changes_it(rate):
    import soxr

    samples = speech(1)
    copy = soxr.resample(soxr.resample(samples, RATE, rate), rate, RATE)
    assert one_recording(samples, copy)


def test_a_copy_that_has_lost_its_ends_is_still_known():
    samples = speech(1, seconds=3.0)
    assert one_recording(samples, samples[4321:-6789])


def test_of_many_sounds_the_copies_alone_are_named():
    clips = [speech(seed) for seed in range(30)]
    held = [fingerprint_sound(clip) for clip in [*clips, clips[7] * np.float32(0.3), clips[20][777:]]]
    assert same_sounds(held).tolist() == [[7, 30], [20, 31]]


def test_a_hundred_copies_hang_together():
    samples = speech(1)
    held = [fingerprint_sound(samples * np.float32(0.1 + place / 100)) for place in range(100)]
    links = np.eye(100, dtype=bool)
    for first, second in same_sounds(held):
        links[first, second] = links[second, first] = True
    reached = np.linalg.matrix_power(links.astype(float), 100)[0]
    assert (reached > 0).all()


@pytest.mark.parametrize(
    "samples", [np.zeros(RATE, np.float32), speech(1, seconds=0.2), np.zeros(0, np.float32)]
)
def test_what_is_silent_or_too_short_has_none(samples):
    assert fingerprint_sound(samples) is None


def test_a_moment_takes_twelve_bytes():
    held = fingerprint_sound(speech(3, seconds=3.0))
    assert FEWEST <= len(codes(held)) == len(base64.b64decode(held)) // 12 <= 64


def test_a_smaller_lighter_copy_of_a_film_is_known_and_no_other():
    films = [film(seed) for seed in range(6)]
    held = [fingerprint_face(each) for each in [*films, film(3, height=72, width=72) // 2 + 40]]
    assert same_films(held).tolist() == [[3, 6]]


def test_a_film_without_movement_or_with_too_few_pictures_has_none():
    still = np.repeat(film(1)[:1], PICTURES, axis=0)
    assert fingerprint_face(still) is None
    assert fingerprint_face(film(1)[:5]) is None


@pytest.mark.parametrize("match", [same_sounds, same_films])
def test_nothing_has_no_copies(match):
    assert match([]).shape == (0, 2)


@pytest.mark.slow
def test_two_of_a_hundred_thousand_sounds_are_found():
    random = np.random.default_rng(0)
    held = [base64.b64encode(random.bytes(12 * 44)).decode() for _ in range(100_000)]
    held[99_999] = held[5]
    assert same_sounds(held).tolist() == [[5, 99_999]]


def test_blocks_of_moments_change_nothing(monkeypatch):
    whole = fingerprint_sound(speech(3, seconds=3.0))
    monkeypatch.setattr("emoflow.media.fingerprint._MOMENTS", 7)
    assert fingerprint_sound(speech(3, seconds=3.0)) == whole
