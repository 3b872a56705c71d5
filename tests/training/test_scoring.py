"""What is fitted on validation rows is not scored on the rows that it was fitted on."""

import math
from dataclasses import replace

import pytest
import torch
from emoflow.training.data import Rows
from emoflow.training.metrics import unweighted_recall
from emoflow.training.population import Member, Population
from emoflow.training.scoring import PARTS, held_out
from hypothesis import given
from hypothesis import strategies as st
from simulated_rows import CLASSES, SHAPE, SIZES, rows

FITTED = ("late-weighted", "late-stacking")


def of(speakers: list[int]) -> Rows:
    return Rows({}, {}, torch.zeros(len(speakers), dtype=torch.int64), speaker=torch.tensor(speakers))


@given(st.lists(st.integers(-3, 9), min_size=1, max_size=40))
def test_parts_hold_every_row_once_and_share_nobody(speakers):
    parts = held_out(of(speakers))
    assert (parts.sum(0) == 1).all() and parts.any(1).all()
    assert min(2, len(speakers)) <= len(parts) <= PARTS
    for part in parts.tolist() if len(set(speakers)) > 1 else ():
        inside, outside = (
            {who for who, held in zip(speakers, part, strict=True) if held is there}
            for there in (True, False)
        )
        assert not inside & outside


def contradicting() -> Rows:
    """Two speakers: of the one the audio shows the next class, of the other the face does."""
    made = rows(120, 2, there=1.0)
    speaker = torch.arange(120) % 2
    next_class = torch.stack([(made.target == (own + 1) % CLASSES).nonzero()[0, 0] for own in made.target])
    for name, whose in (("audio", 0), ("face", 1)):
        lying = (speaker == whose)[:, None, None]
        made.tokens[name] = torch.where(lying, made.tokens[name][next_class], made.tokens[name])
    return replace(made, speaker=speaker)


@pytest.mark.parametrize("strategy", FITTED)
def test_who_is_scored_was_not_fitted_on(strategy):
    """The one speaker's weights mislead on the other; those of both are right for one half."""
    validation = contradicting()
    made = Population(
        strategy, [Member(SHAPE | {"learning_rate": 1e-2}, 1)], dimensions=SIZES, classes=CLASSES
    )
    curves = made.fit(rows(300, 1), epochs=8, validation=validation)
    inside = float(unweighted_recall(made.evaluate(validation), validation.target)[0])
    assert curves.ua[-1][0] < 0.3 < 0.35 < inside  # chance is a third


@pytest.mark.parametrize("strategy", FITTED)
def test_a_single_row_of_validation_is_scored(strategy):
    made = Population(
        strategy, [Member(SHAPE | {"learning_rate": 1e-2}, 1)], dimensions=SIZES, classes=CLASSES
    )
    curves = made.fit(rows(60, 1), epochs=1, validation=rows(1, 2))
    assert math.isfinite(curves.loss[-1][0])


@pytest.mark.parametrize("strategy", FITTED)
def test_what_is_kept_was_fitted_on_all(strategy):
    training, validation = rows(150, 1), rows(60, 2)
    made = Population(
        strategy, [Member(SHAPE | {"learning_rate": 3e-3}, 1)], dimensions=SIZES, classes=CLASSES
    )
    curves = made.fit(training, epochs=3, validation=validation)
    assert curves.fitted[-1].keys() <= made.buffers.keys()
    moved = replace(validation, speaker=torch.arange(60) // 30)
    other = Population(
        strategy, [Member(SHAPE | {"learning_rate": 3e-3}, 1)], dimensions=SIZES, classes=CLASSES
    )
    scored = other.fit(training, epochs=3, validation=moved)
    for name, x in made.buffers.items():
        torch.testing.assert_close(other.buffers[name], x)
    assert scored.loss[-1] != curves.loss[-1]


def test_dimensions_are_predicted_where_they_were_learned():
    def told(count: int, seed: int) -> Rows:
        """Class 0 is of low valence, class 2 of high; of arousal nothing is known."""
        made = rows(count, seed)
        side = {"valence": made.target - 1.0, "arousal": torch.full((count,), torch.nan)}
        return replace(made, side=side | {"dominance": 1.0 - made.target})

    config = SHAPE | {"learning_rate": 1e-2, "dimension_weight": 1.0}
    training, test = told(300, 1), told(100, 2)
    made = Population(
        "early-concatenation", [Member(config, 1), Member(config, 2)], dimensions=SIZES, classes=CLASSES
    )
    made.fit(training, epochs=8)
    predicted = made.dimensions(test)
    assert {name: tuple(x.shape) for name, x in predicted.items()} == {
        "valence": (2, 100), "arousal": (2, 100), "dominance": (2, 100),
    }  # fmt: skip
    for name in ("valence", "dominance"):
        for member in predicted[name]:
            assert torch.corrcoef(torch.stack([member, test.side[name]]))[0, 1] > 0.6
    assert not predicted["arousal"].any(), "a head that was told nothing stays at zero"
    others = [Member(SHAPE | {"learning_rate": 1e-2}, 1)]
    assert Population("early-concatenation", others, dimensions=SIZES, classes=CLASSES).dimensions(test) == {}
