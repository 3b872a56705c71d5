"""The ceilings are what enumeration says they are, and the oracle is Bayes' rule."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.corpora import truth
from components.errors import CorpusError
from components.schema import EMOTION7, MODALITIES

DEFAULT = {"audio": 0.75, "text": 0.65, "face": 0.70}
reliabilities = st.fixed_dictionaries({m: st.floats(1 / 7, 1) for m in MODALITIES})


def by_hand(values):
    """The ceiling by summing, over patterns, the largest posterior mass: no code shared with the room."""
    classes = range(7)

    def p(shown, true, r):
        return r if shown == true else (1 - r) / 6

    return sum(
        max(np.prod([p(s, y, r) for s, r in zip(pattern, values, strict=True)]) / 7 for y in classes)
        for pattern in itertools.product(classes, repeat=len(values))
    )


def test_default_ceilings():
    ceilings = truth.population(DEFAULT)
    assert list(ceilings) == [
        "audio",
        "text",
        "face",
        "audio+text",
        "audio+face",
        "text+face",
        "audio+text+face",
    ]
    assert ceilings["audio"] == 0.75 and ceilings["text"] == 0.65 and ceilings["face"] == 0.7
    assert ceilings["audio+text+face"] == pytest.approx(0.850625, abs=1e-12)


@given(reliabilities)
@settings(max_examples=15, deadline=None)
def test_ceilings_are_the_enumeration(reliability):
    ceilings = truth.population(reliability)
    for subset in truth.subsets():
        expected = by_hand([reliability[m] for m in subset])
        assert ceilings[truth.name_of(subset)] == pytest.approx(expected, abs=1e-9)


@given(reliabilities)
@settings(max_examples=30, deadline=None)
def test_more_modalities_are_never_worse(reliability):
    ceilings = truth.population(reliability)
    for small, large in itertools.combinations(truth.subsets(), 2):
        if set(small) < set(large):
            assert ceilings[truth.name_of(small)] <= ceilings[truth.name_of(large)] + 1e-9


@given(st.integers(0, 6), st.floats(1 / 7, 1), st.integers(0, 2**32))
def test_display_is_an_emotion(true, reliability, seed):
    assert truth.display(true, reliability, np.random.default_rng(seed)) in range(7)


def test_display_shows_the_truth_as_often_as_planted_and_else_any_other_alike():
    generator = np.random.default_rng(3)
    shown = np.bincount([truth.display(2, 0.7, generator) for _ in range(20000)], minlength=7) / 20000
    assert shown[2] == pytest.approx(0.7, abs=0.015)
    assert np.delete(shown, 2) == pytest.approx(0.05, abs=0.006)


def test_ties_go_to_the_first_emotion_whatever_the_order_of_the_modalities():
    assert truth.bayes(np.array([[4, 2], [2, 4]]), [0.7, 0.7]).tolist() == [2, 2]
    assert truth.bayes(np.array([[5, 3, 1]]), [0.6, 0.6, 0.6]).tolist() == [1]


def test_two_that_agree_outvote_one_that_is_a_little_more_reliable():
    assert truth.bayes(np.array([[0, 3, 3]]), [0.75, 0.65, 0.70]).tolist() == [3]
    assert truth.bayes(np.array([[0, 3, 4]]), [0.75, 0.65, 0.70]).tolist() == [0]


def test_oracle_scores_the_displays_and_does_not_depend_on_their_order():
    generator = np.random.default_rng(0)
    labels = generator.integers(7, size=4000)
    shown = {m: [truth.display(int(y), DEFAULT[m], generator) for y in labels] for m in MODALITIES}
    table = pd.DataFrame(
        {"utterance_id": [f"c/{i:04d}" for i in range(4000)], "label": [EMOTION7[y] for y in labels]}
        | {m: [EMOTION7[s] for s in shown[m]] for m in MODALITIES}
    )
    scores = truth.oracle(table, DEFAULT)
    assert scores.equals(truth.oracle(table.sample(frac=1, random_state=1), DEFAULT))
    reached = scores.groupby("subset")["correct"].mean()
    for subset, ceiling in truth.population(DEFAULT).items():
        assert reached[subset] == pytest.approx(ceiling, abs=0.025), subset
    assert (scores[scores["subset"] == "text"]["prediction"].to_numpy() == table["text"].to_numpy()).all()


@pytest.mark.parametrize(
    ("reliability", "said"),
    [
        ({"audio": 0.7, "text": 0.7}, "must name audio, text, face"),
        ({"audio": 0.7, "text": 0.7, "face": 1.2}, "face is 1.2"),
        ({"audio": 0.0, "text": 0.7, "face": 0.7}, "audio is 0.0"),
    ],
)
def test_reliabilities_that_cannot_be(reliability, said):
    with pytest.raises(CorpusError, match=said):
        truth.check_reliability(reliability)
