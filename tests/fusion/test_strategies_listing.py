"""What `emoflow strategies` tells."""

import io

from emoflow.fusion import listing
from emoflow.fusion.strategy import BASELINES, REGISTRY, build, parameter_count
from rich.console import Console


def test_every_strategy_is_told_with_its_source_and_cost():
    rows = {row.name: row for row in listing.rows()}
    assert list(rows) == ["one modality alone", *REGISTRY]
    assert all(row.entry.source and row.entry.description for row in rows.values())
    learn = {name for name, row in rows.items() if row.parameters > 0 and row.operations > 0}
    assert learn == set(rows) - set(BASELINES)
    config = {"width": 128, "layers": 1}
    early = build("early-concatenation", dimensions=listing.REFERENCE, classes=listing.CLASSES, config=config)
    assert rows["early-concatenation"].parameters == parameter_count(early)
    linear = 2 * (3 * 128 * 128 + 128 * listing.CLASSES)  # a multiplication and an addition for each weight
    assert rows["early-concatenation"].operations == linear
    assert "auxiliary_weight" in rows["shared-private"].varies


def test_it_reads_at_eighty_columns():
    screen = Console(width=80, record=True, file=io.StringIO())
    screen.print(listing.table())
    told = screen.export_text()
    assert "bottleneck" in told and "Nagrani" in told and max(map(len, told.splitlines())) <= 80
