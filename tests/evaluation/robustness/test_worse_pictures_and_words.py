"""Worse pictures, transcripts, and modalities that are missing."""

import numpy as np
import pytest
from emoflow.evaluation.robustness import pictures
from emoflow.evaluation.robustness.missing import absent
from emoflow.evaluation.robustness.words import dropped, wrong
from hypothesis import given
from hypothesis import strategies as st

RATES = st.floats(0, 1)
SEEDS = st.integers(0, 10_000)


def film(count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 60, 80, 3), dtype=np.uint8)


def test_no_change_is_no_change():
    images = film()
    assert np.array_equal(pictures.blur(images, 0), images)
    assert np.array_equal(pictures.brightness(images, 1), images)
    assert pictures.kept_frames(8, 0, np.random.default_rng(0)).tolist() == list(range(8))


def test_blur_is_gaussian_with_a_deviation_by_the_height():
    images = np.zeros((1, 200, 300, 3), np.uint8)
    images[:, :, 150:] = 255
    edge = pictures.blur(images, 0.04)[0, 100, :, 0].astype(float) / 255
    spread = np.diff(edge).clip(0)  # of an edge, the blur itself
    places = np.arange(len(spread))
    centre = np.average(places, weights=spread)
    assert np.sqrt(np.average((places - centre) ** 2, weights=spread)) == pytest.approx(0.04 * 200, rel=0.05)


def test_brightness_scales_up_to_white():
    images = film()
    assert np.array_equal(pictures.brightness(images, 0), np.zeros_like(images))
    twice = pictures.brightness(images, 2)
    assert twice.dtype == np.uint8
    assert np.array_equal(twice, np.minimum(images.astype(int) * 2, 255))


@given(side=st.floats(0, 1), seed=SEEDS)
def test_a_square_of_its_size_is_hidden_at_one_place(side, seed):
    images = np.full((3, 60, 80, 3), 7, np.uint8)
    hidden = pictures.occlusion(images, side, np.random.default_rng(seed)) != 7
    assert (hidden == hidden[0]).all() and (images == 7).all()
    assert hidden[0, ..., 0].sum() == round(side * 60) ** 2
    rows, columns = np.nonzero(hidden[0, ..., 0])
    assert not len(rows) or np.ptp(rows) == np.ptp(columns) == round(side * 60) - 1


@given(count=st.integers(1, 40), low=RATES, high=RATES, seed=SEEDS)
def test_a_frame_arrives_in_any_case_and_what_is_lost_stays_lost(count, low, high, seed):
    low, high = sorted((low, high))
    more = pictures.kept_frames(count, low, np.random.default_rng(seed)).tolist()
    fewer = pictures.kept_frames(count, high, np.random.default_rng(seed)).tolist()
    assert fewer and set(fewer) <= set(more) and fewer == sorted(fewer)


def test_frames_are_lost_at_the_rate():
    kept = [len(pictures.kept_frames(50, 0.3, np.random.default_rng(seed))) for seed in range(200)]
    assert np.mean(kept) / 50 == pytest.approx(0.7, abs=0.02)


@given(words=st.lists(st.text("abc", min_size=1), max_size=20), low=RATES, high=RATES, seed=SEEDS)
def test_words_are_dropped_and_none_is_changed(words, low, high, seed):
    low, high = sorted((low, high))
    text = " ".join(words)
    more = iter(dropped(text, low, np.random.default_rng(seed)).split())
    assert all(word in more for word in dropped(text, high, np.random.default_rng(seed)).split())


def test_words_are_dropped_at_the_rate():
    text = "Kids are talking,  by the door!\n"
    assert dropped(text, 0, np.random.default_rng(0)) == text
    assert dropped(text, 1, np.random.default_rng(0)) == ""
    left = dropped("word " * 1000, 0.3, np.random.default_rng(0)).split()
    assert len(left) / 1000 == pytest.approx(0.7, abs=0.05)


@given(words=st.lists(st.text("abc", min_size=1), max_size=20), low=RATES, high=RATES, seed=SEEDS)
def test_words_are_taken_for_those_of_others_and_stay_so_at_a_higher_rate(words, low, high, seed):
    low, high = sorted((low, high))
    less = wrong(" ".join(words), "xx yy zz", low, np.random.default_rng(seed)).split()
    more = wrong(" ".join(words), "xx yy zz", high, np.random.default_rng(seed)).split()
    for said, before, after in zip(words, less, more, strict=True):
        assert before in (said, after) and after in (said, "xx", "yy", "zz")


def test_words_are_wrong_at_the_rate():
    text = "Kids are talking,  by the door!\n"
    assert wrong(text, "dogs", 0, np.random.default_rng(0)) == text
    # "Kids" is a word of the text, whatever its case; nobody says another one but "dogs".
    assert wrong(text, "kids dogs", 1, np.random.default_rng(0)) == " ".join(["dogs"] * 6)
    assert wrong(text, "kids are", 1, np.random.default_rng(0)) == ""
    heard = wrong("word " * 1000, "dogs cats", 0.3, np.random.default_rng(0)).split()
    assert heard.count("word") / 1000 == pytest.approx(0.7, abs=0.05)
    assert heard.count("dogs") == pytest.approx(150, abs=35)


@given(rates=st.tuples(RATES, RATES), seed=SEEDS, count=st.integers(1, 4))
def test_one_modality_is_left_and_what_is_missing_stays_missing(rates, seed, count):
    modalities = ["audio", "face", "gesture", "text"][:count]
    low, high = (absent("control/1", modalities, rate, seed=seed) for rate in sorted(rates))
    assert low <= high < set(modalities)


def test_modalities_are_missing_at_the_rate():
    gone = [absent(f"control/{k}", ["audio", "face", "text"], 0.2, seed=7) for k in range(2000)]
    # A little less than the rate, since one is left: all three are drawn in 0.8 % of the utterances.
    assert np.mean([len(each) / 3 for each in gone]) == pytest.approx(0.2 - 0.008 / 3, abs=0.015)
    assert absent("control/1", ["audio", "text"], 0, seed=7) == set()
