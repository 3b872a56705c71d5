"""Several raters of one utterance: soft labels, entropy, and how often a person agrees with the others."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from emoflow.corpora.raters import ceilings, entropy, human_ceiling, kind_of, soft_labels
from hypothesis import given
from hypothesis import strategies as st

LABELS = ["anger", "sadness", "neutral"]


def table(*ratings: dict[str, list[str]] | None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "utterance_id": [f"c/{number:03}" for number in range(len(ratings))],
            "raters": pd.Series(
                [None if each is None else json.dumps(each) for each in ratings], dtype="str"
            ),
        }
    )


def test_soft_labels_and_entropy():
    soft = soft_labels(
        table(
            {"a1": ["anger"], "a2": ["anger"], "a3": ["sadness"], "a4": ["neutral"]},
            None,
            {"a1": ["anger"]},
            {"a1": ["anger", "sadness"]},  # one vote, shared
            {},
        )
    )
    assert list(soft.index) == ["c/000", "c/002", "c/003"]
    np.testing.assert_allclose(soft.loc["c/000", LABELS], [0.5, 0.25, 0.25])
    np.testing.assert_allclose(soft.loc["c/003", LABELS], [0.5, 0.5, 0])
    np.testing.assert_allclose(entropy(soft), [1.5, 0, 1])


def test_the_ceiling_of_two_to_one():
    # The two who agree are each half right (the other two tie), the third never is.
    found = human_ceiling(table({"a1": ["anger"], "a2": ["anger"], "a3": ["sadness"]}))
    assert found.accuracy == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert (found.utterances, found.raters) == (1, 3)


def test_the_ceiling_of_three_to_one():
    found = human_ceiling(table({"a1": ["anger"], "a2": ["anger"], "a3": ["anger"], "a4": ["sadness"]}))
    assert found.accuracy == pytest.approx(3 / 4)
    assert found.ua == pytest.approx(3 / 4)  # the others' majority is always anger


def test_the_mean_is_over_utterances_not_ratings():
    agreed = {f"a{number}": ["anger"] for number in range(10)}
    torn = {"a1": ["anger"], "a2": ["sadness"]}
    assert human_ceiling(table(agreed, torn)).accuracy == pytest.approx(0.5)


def test_nobody_to_compare_with():
    assert human_ceiling(table(None, {"a1": ["anger"]})) is None
    assert human_ceiling(table()) is None
    assert len(soft_labels(table(None))) == 0 and len(entropy(soft_labels(table(None)))) == 0


def test_kinds_of_raters_are_apart():
    by_ear = {f"audio-{number}": ["anger"] for number in range(3)}
    by_eye = {"face-1": ["anger"], "face-2": ["sadness"]}
    found = ceilings(table(by_ear | by_eye | {"anna": ["anger"]}))
    assert {kind: each.accuracy for kind, each in found.items()} == {"audio": 1.0, "face": 0.0}
    assert [kind_of(name) for name in ("C-E2", "C-F1", "audio-17", "r 3", "anna")] == [
        "C-E",
        "C-F",
        "audio",
        "r",
        "",
    ]


ratings = st.dictionaries(
    st.sampled_from([f"r{number}" for number in range(5)]),
    st.lists(st.sampled_from(LABELS), min_size=1, max_size=2, unique=True),
    max_size=5,
)


@pytest.mark.slow
@given(st.lists(st.none() | ratings, max_size=8))
def test_what_always_holds(each):
    held = table(*each)
    soft = soft_labels(held)
    assert np.allclose(soft.sum(axis=1), 1) and (soft >= 0).all(axis=None)
    divided = entropy(soft)
    assert ((divided >= 0) & (divided <= math.log2(max(soft.shape[1], 1)) + 1e-9)).all()
    found = human_ceiling(held)
    if found:
        assert 0 <= found.accuracy <= 1 and 0 <= found.ua <= 1
        assert found == human_ceiling(held.sample(frac=1, random_state=3))
    if each and all(rated and len(rated) > 1 and len(set(map(tuple, rated.values()))) == 1 for rated in each):
        single = all(len(labels) == 1 for rated in each for labels in rated.values())
        assert found.accuracy == pytest.approx(1) if single else found.accuracy >= 0.5 - 1e-9
