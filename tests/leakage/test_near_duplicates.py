"""Sentences that are the same but for one word, against a plain comparison of all pairs."""

import difflib

import numpy as np
from emoflow.leakage.near_duplicates import SIMILAR_SPELLING, near_duplicate_pairs
from hypothesis import given, settings
from hypothesis import strategies as st

sentence = st.lists(st.sampled_from(["a", "b", "c", "going", "goings"]), max_size=5)


def same_but_for_one(a: list[str], b: list[str]) -> bool:
    if len(a) == len(b):
        other = [(x, y) for x, y in zip(a, b, strict=True) if x != y]
        return not other or (
            len(other) == 1 and difflib.SequenceMatcher(None, *other[0]).ratio() >= SIMILAR_SPELLING
        )
    short, long = sorted((a, b), key=len)
    return any(short == long[:n] + long[n + 1 :] for n in range(len(long)))


def reached(links: np.ndarray) -> np.ndarray:
    held = links | links.T | np.eye(len(links), dtype=bool)
    for _ in range(len(links)):
        held = held @ held
    return held


@settings(max_examples=200, deadline=None)
@given(st.lists(sentence, max_size=12))
def test_the_pairs_are_alike_and_reach_all_that_are(sentences):
    found = np.zeros((len(sentences), len(sentences)), dtype=bool)
    for a, b in near_duplicate_pairs(sentences):
        assert a < b and same_but_for_one(sentences[a], sentences[b])
        found[a, b] = True
    expected = np.array(
        [[bool(a and b) and same_but_for_one(a, b) for b in sentences] for a in sentences], dtype=bool
    ).reshape(found.shape)
    assert (reached(found) == reached(expected)).all()


def test_one_pattern_filled_otherwise_is_not_alike():
    sentences = [
        "my brother moved the table on monday",
        "my brother moved the table on friday",
        "my sister moved the table on monday",
    ]
    assert near_duplicate_pairs([each.split() for each in sentences]).tolist() == []


def test_a_slip_of_the_pen_is_alike():
    sentences = ["it was astonishing and unexpected", "it was astonishng and unexpected"]
    assert near_duplicate_pairs([each.split() for each in sentences]).tolist() == [[0, 1]]
