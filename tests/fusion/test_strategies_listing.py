"""What `emoflow strategies` tells."""

import io
import subprocess
import sys

import pytest
from emoflow.fusion import listing, measuring
from emoflow.fusion.cost_table import COSTS
from emoflow.fusion.strategy import BASELINES, REGISTRY, build, parameter_count
from rich.console import Console


def test_every_strategy_is_told_with_its_source_and_cost():
    rows = {row.name: row for row in listing.rows()}
    assert list(rows) == ["one modality alone", *REGISTRY]
    assert all(row.entry.source and row.entry.description for row in rows.values())
    learn = {name for name, row in rows.items() if row.cost.parameters > 0 and row.cost.operations > 0}
    assert learn == set(rows) - set(BASELINES)
    config = {"width": 128, "layers": 1}
    early = build("early-concatenation", dimensions=listing.REFERENCE, classes=listing.CLASSES, config=config)
    assert rows["early-concatenation"].cost.parameters == parameter_count(early)
    linear = 2 * (3 * 128 * 128 + 128 * listing.CLASSES)  # a multiplication and an addition for each weight
    assert rows["early-concatenation"].cost.operations == linear
    assert "auxiliary_weight" in rows["shared-private"].cost.varies


def test_the_table_of_costs_is_as_measured():
    assert measuring.costs() == COSTS, "update it: python -m emoflow.fusion.measuring, then make format"


@pytest.mark.parametrize("module", ["fusion", "training"])
def test_the_listings_need_no_torch(module):
    code = f"import sys; from emoflow.{module} import listing; listing.table(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_reads_at_eighty_columns():
    screen = Console(width=80, record=True, file=io.StringIO())
    screen.print(listing.table())
    told = screen.export_text()
    assert "bottleneck" in told and "Nagrani" in told and max(map(len, told.splitlines())) <= 80
