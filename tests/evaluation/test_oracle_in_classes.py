"""The oracle's answers in a label space that merges the planted labels, or lacks some."""

import pandas as pd
import pytest
from emoflow.errors import EvaluationError
from emoflow.evaluation.ceilings import in_classes, together

ORACLE = pd.DataFrame(
    [
        ("a", "audio", "happiness", 0.30, 0.25, 0.40, 0.05),
        ("b", "audio", "excitement", 0.10, 0.45, 0.45, 0.00),
        ("c", "audio", "anger", 0.20, 0.20, 0.10, 0.50),
        ("d", "audio", "fear", 0.00, 0.00, 0.00, 1.00),
    ],
    columns=["utterance_id", "subset", "label", "happiness", "excitement", "anger", "fear"],
)


def test_a_class_is_as_probable_as_the_labels_that_it_merges():
    answers = in_classes(ORACLE, {"a": "happiness", "b": "happiness", "c": "anger"})
    # a: 0.55 to 0.40; b: 0.55 to 0.45; c: fear is none of the classes, and so 0.40 to 0.10.
    assert dict(zip(answers["utterance_id"], answers["correct"], strict=True)) == {
        "a": True,
        "b": True,
        "c": False,
    }


def test_of_classes_equally_probable_the_first_is_named():
    answers = in_classes(ORACLE, {"b": "excitement", "c": "anger"})
    assert dict(zip(answers["utterance_id"], answers["correct"], strict=True)) == {"b": False, "c": False}


def test_nothing_is_known_of_classes_that_part_a_label():
    with pytest.raises(EvaluationError, match="planted as fear is of several classes"):
        in_classes(pd.concat([ORACLE, ORACLE.tail(1).assign(utterance_id="e")]), {"d": "low", "e": "high"})


def test_a_corpus_that_lacks_a_modality_answers_by_the_others():
    heard = pd.DataFrame({"utterance_id": ["a"], "subset": ["audio"], "correct": [True]})
    seen = pd.DataFrame(
        {
            "utterance_id": ["b"] * 3,
            "subset": ["audio", "face", "audio+face"],
            "correct": [True, False, False],
        }
    )
    both = together([heard, seen], {"audio+face", "face"})
    assert sorted(both.itertuples(index=False, name=None)) == [
        ("a", "audio", True), ("a", "audio+face", True), ("b", "audio", True), ("b", "audio+face", False),
    ]  # fmt: skip
