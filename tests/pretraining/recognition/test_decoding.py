"""Texts from log probabilities: beam search against the sum over all ways, and rates of errors by hand."""

from itertools import product

import numpy as np
import pytest
from emoflow.pretraining.recognition.decoding import beam, greedy
from emoflow.pretraining.recognition.errors import error_rates
from emoflow.pretraining.recognition.vocabulary import BLANK, Vocabulary, spoken, steps_needed
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays


def collapsed(way: tuple[int, ...]) -> tuple[int, ...]:
    """What a way over the frames spells."""
    changed = [each for place, each in enumerate(way) if place == 0 or each != way[place - 1]]
    return tuple(each for each in changed if each != BLANK)


def most_probable(log_probabilities: np.ndarray) -> dict[tuple[int, ...], float]:
    """Every text's probability, the sum over all ways that spell it."""
    texts: dict[tuple[int, ...], float] = {}
    frames, size = log_probabilities.shape
    for way in product(range(size), repeat=frames):
        probability = float(np.exp(sum(log_probabilities[t, each] for t, each in enumerate(way))))
        texts[collapsed(way)] = texts.get(collapsed(way), 0.0) + probability
    return texts


scores = arrays.arrays(np.float64, st.tuples(st.integers(1, 5), st.just(3)), elements=st.floats(-4, 4))


@settings(max_examples=60, deadline=None)
@given(scores)
def test_a_wide_beam_finds_the_most_probable_text(values):
    log_probabilities = values - np.logaddexp.reduce(values, axis=1, keepdims=True)
    texts = most_probable(log_probabilities)
    found = tuple(beam(log_probabilities, width=400))
    assert texts[found] == pytest.approx(max(texts.values()), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(scores)
def test_greedy_spells_the_most_probable_way(values):
    assert tuple(greedy(values)) == collapsed(tuple(values.argmax(1).tolist()))


def test_the_most_probable_text_need_not_be_that_of_the_most_probable_way():
    # "a" by its three ways is more probable than nothing, of which the one way is the most probable.
    log_probabilities = np.log([[0.6, 0.4], [0.6, 0.4]])
    assert greedy(log_probabilities) == []
    assert beam(log_probabilities, width=4) == [1]


def test_a_character_twice_needs_a_blank_between():
    sure = np.log([[0.01, 0.99], [0.99, 0.01], [0.01, 0.99]])
    assert greedy(sure) == beam(sure, width=4) == [1, 1]
    assert greedy(sure[[0, 2]]) == beam(sure[[0, 2]], width=4) == [1]


@given(st.text())
def test_a_text_of_known_characters_comes_back(text):
    said = spoken(text)
    vocabulary = Vocabulary.of([said])
    assert vocabulary.text(vocabulary.numbers(said)) == said
    assert BLANK not in vocabulary.numbers(said)


def test_what_is_spoken_has_no_marks_and_no_capitals():
    assert spoken("Well — DON'T go... there!") == "well don't go there"


def test_characters_that_training_never_saw_are_left_out():
    assert Vocabulary.of(["abc"]).numbers("cab!") == [3, 1, 2]


def test_error_rates_count_over_all_clips():
    rates = error_rates(["kids are talking", ""], ["kids are talking by", "dogs"])
    assert rates.words == pytest.approx((1 + 1) / (4 + 1))
    assert rates.characters == pytest.approx((3 + 4) / (19 + 4))


@given(st.lists(st.integers(1, 3), max_size=4), st.integers(0, 6))
def test_a_text_needs_so_many_steps(numbers, steps):
    text = "".join("abc"[each - 1] for each in numbers)
    ways = (way for way in product(range(4), repeat=steps) if collapsed(way) == tuple(numbers))
    assert (next(ways, None) is not None) == (steps_needed(text) <= steps)
