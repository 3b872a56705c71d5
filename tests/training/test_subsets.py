"""Test rows that are scored with some of their modalities only."""

from functools import partial

import numpy as np
import pytest
import torch
from emoflow.training.members import Member
from emoflow.training.population import Population
from emoflow.training.refit import probabilities
from emoflow.training.rows import Fold, Part
from emoflow.training.subsets import by_subset, members_by_subset, proper_subsets, subset_table
from simulated_rows import CLASSES, SHAPE, SIZES, rows


def test_proper_subsets_are_sorted_and_leave_out_nothing_and_all():
    assert proper_subsets(["text", "audio"]) == [("audio",), ("text",)]
    assert proper_subsets(["text", "audio", "face"]) == [
        ("audio",), ("face",), ("text",), ("audio", "face"), ("audio", "text"), ("face", "text"),
    ]  # fmt: skip
    assert proper_subsets(["audio"]) == []


@pytest.mark.parametrize("strategy", ["early-concatenation", "late-average", "cross-attention"])
def test_what_is_not_given_has_no_influence(strategy):
    test = rows(20, 3, there=0.4)
    member = Member(SHAPE | {"learning_rate": 1e-2}, 1)
    population = Population(strategy, [member], dimensions=SIZES, classes=CLASSES)
    score = partial(probabilities, population)
    found = by_subset(score, test)
    having = test.present["audio"].any(1)
    assert 0 < having.sum() < 20
    np.testing.assert_array_equal(found["subset_rows.audio"], having.nonzero()[:, 0])
    assert found["subset.audio"].shape == (1, int(having.sum()), CLASSES)
    np.testing.assert_allclose(found["subset.audio"].sum(-1), 1, atol=1e-5)
    alone = by_subset(score, test)
    test.tokens["face"][:] = torch.randn(test.tokens["face"].shape)
    other = by_subset(score, test)
    np.testing.assert_array_equal(other["subset.audio"], alone["subset.audio"])
    assert not np.array_equal(other["subset.face"], alone["subset.face"])


def test_a_modality_that_no_row_has_is_left_out():
    test = rows(6, 3)
    test.present["face"][:] = False
    found = by_subset(lambda held: torch.full((2, len(held), CLASSES), 1 / CLASSES), test)
    assert set(found) == {"subset.audio", "subset_rows.audio"}


def test_the_table_holds_means_over_members_of_the_rows_that_were_scored():
    fold = Fold(4, Part((), ()), Part((), ()), Part(("a", "b", "c"), (0, 1, 0)))
    member = {
        "subset.audio": np.array([[[0.25, 0.75], [1, 0]]], np.float32),
        "probabilities": np.zeros((1, 3, 2)),
    }
    first = member | {"subset_rows.audio": np.array([0, 2])}
    second = first | {"subset.audio": np.array([[[0.75, 0.25], [1, 0]]], np.float32)}
    arrays = members_by_subset([first, second])
    table = subset_table([("late-average", fold, arrays | {"seeds": np.array([0, 1])})], classes=["x", "y"])
    assert table.to_dict("list") == {
        "utterance_id": ["a", "c"], "fold": [4, 4], "strategy": ["late-average"] * 2, "modalities": ["audio"] * 2,
        "p_x": [0.5, 1.0], "p_y": [0.5, 0.0],
    }  # fmt: skip
    nothing = subset_table([("audio", fold, {"probabilities": np.zeros((1, 3, 2))})], classes=["x", "y"])
    assert nothing.empty and list(nothing) == list(table)
