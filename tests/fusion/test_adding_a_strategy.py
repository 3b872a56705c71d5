"""What the registry says of adding a strategy works as it is written there."""

import sys
import textwrap
from types import ModuleType

import pytest
import torch
from emoflow.fusion import listing, strategy
from emoflow.fusion.catalogue import Entry
from emoflow.fusion.model import EmotionModel, members_state
from emoflow.fusion.preparation import Preparation, plan
from emoflow.search.space import configurations
from emoflow.training.data import Rows
from emoflow.training.population import Member, Population


@pytest.fixture
def added(monkeypatch) -> str:
    """The example's file and line, in place for a test."""
    blocks = strategy.__doc__.split("::\n\n")[1:]
    source, line = (textwrap.dedent(block[: block.index("\n\nand") if "class" in block else block.index("\n\nFrom")])
                    for block in blocks)  # fmt: skip
    module = ModuleType("emoflow.fusion.louder")
    module.__package__ = "emoflow.fusion"
    exec(compile(source, "louder.py", "exec"), module.__dict__)  # noqa: S102, our own docstring
    monkeypatch.setitem(sys.modules, module.__name__, module)
    ((name, entry),) = eval(f"{{{line}}}", {"Entry": Entry}).items()  # noqa: S307
    monkeypatch.setitem(strategy.REGISTRY, name, entry)
    return name


def test_a_file_and_a_line_are_enough(added):
    sizes = {"audio": 6, "face": 4}
    drawn = configurations(added, modalities=list(sizes), count=2, seed=7)
    assert {config["width"] for config in drawn} == {64, 128}
    x = {name: torch.randn(40, 1, size) for name, size in sizes.items()}
    there = {name: torch.ones(40, 1, dtype=torch.bool) for name in sizes}
    preparation = Preparation(plan({name: [("table", size)] for name, size in sizes.items()})).fit(x, there)
    rows = Rows(preparation(x, there), there, torch.arange(40) % 2)
    made = Population(added, [Member(drawn[0], 1)], dimensions=sizes, classes=2)
    made.fit(rows, epochs=1, validation=rows)
    model = EmotionModel.empty(
        added, drawn[0], members=1, classes=2,
        preparation=Preparation.from_description(preparation.describe()),
    )  # fmt: skip
    kept = {f"preparation.{name}": value for name, value in preparation.state_dict().items()}
    model.load_state_dict(kept | members_state(made.state(), 1))
    torch.testing.assert_close(model(x, there), made.evaluate(rows).softmax(-1)[0])
    assert added in [row.name for row in listing.rows()]
