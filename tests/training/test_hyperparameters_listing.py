"""What `emoflow hyperparameters` tells."""

import io

from emoflow.fusion.strategy import TRAINING_SPACE
from emoflow.training import listing
from emoflow.training.hyperparameters import HYPERPARAMETERS
from rich.console import Console


def test_every_one_is_told_and_it_reads_at_eighty_columns():
    screen = Console(width=80, record=True, file=io.StringIO())
    screen.print(listing.table())
    told = screen.export_text()
    assert all(name in told for name in HYPERPARAMETERS)
    assert "{log: [0.0005, 0.004]}" in told and max(map(len, told.splitlines())) <= 80


def test_what_is_searched_lies_in_the_range():
    for name, axis in TRAINING_SPACE.items():
        known = HYPERPARAMETERS[name]
        assert known.low <= axis.at(0.0) and axis.at(1 - 1e-9) <= known.high, name
