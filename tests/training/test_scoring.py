"""What is fitted on validation rows is not scored on the rows that it was fitted on."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from simulated_rows import CLASSES, SHAPE, SIZES, rows

from components.training.data import Rows
from components.training.population import Member, Population
from components.training.scoring import PARTS, held_out

FITTED = ("late-weighted", "late-stacking")


def of(speakers: list[int]) -> Rows:
    return Rows({}, {}, torch.zeros(len(speakers), dtype=torch.int64), speaker=torch.tensor(speakers))


@given(st.lists(st.integers(-3, 9), min_size=2, max_size=40))
def test_parts_hold_every_row_once_and_share_nobody(speakers):
    parts = held_out(of(speakers))
    assert (parts.sum(0) == 1).all() and parts.any(1).all()
    assert 2 <= len(parts) <= PARTS
    for part in parts.tolist() if len(set(speakers)) > 1 else ():
        inside, outside = (
            {who for who, held in zip(speakers, part, strict=True) if held is there}
            for there in (True, False)
        )
        assert not inside & outside


@pytest.mark.parametrize("strategy", FITTED)
def test_what_was_fitted_on_noise_is_worth_nothing(strategy):
    training, validation = rows(150, 1), rows(60, 2)
    shuffled = torch.randperm(60, generator=torch.Generator().manual_seed(5))
    validation = replace(validation, target=validation.target[shuffled])
    many = [Member(SHAPE | {"learning_rate": 3e-3}, seed) for seed in range(6)]
    made = Population(strategy, many, dimensions=SIZES, classes=CLASSES)
    curves = made.fit(training, epochs=3, validation=validation)
    assert sum(curves.ua[-1]) / 6 < 0.4


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
    assert all(torch.equal(made.buffers[name], other.buffers[name]) for name in made.buffers)
    assert scored.loss[-1] != curves.loss[-1]
