"""Measure what the strategies cost. `python -m emoflow.fusion.measuring`, then `make format`, updates `cost_table`."""

from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from .catalogue import REGISTRY
from .costs import CLASSES, ONE_ALONE, REFERENCE, TOKENS, Cost
from .strategy import Choice, build, entry, parameter_count, search_space, uses

TABLE = Path(__file__).with_name("cost_table.py")
HEAD = '''"""The cost of each strategy, written by `measuring`: not to be edited."""

from .costs import Cost

'''


def cost(name: str) -> Cost:
    """The cost of a strategy, by one forward pass of it.

    Args:
        name: of the registry, or `ONE_ALONE`.
    """
    key = "audio" if name == ONE_ALONE else name
    space = search_space(key, tuple(REFERENCE))
    config = {
        name: axis.values[0] if isinstance(axis, Choice) else axis.at(0.0) for name, axis in space.items()
    }
    sizes = {modality: REFERENCE[modality] for modality in uses(key, tuple(REFERENCE))}
    model = build(key, dimensions=sizes, classes=CLASSES, config=config).eval()
    tokens = {modality: torch.zeros(1, TOKENS, size) for modality, size in sizes.items()}
    present = {modality: torch.ones(1, TOKENS, dtype=torch.bool) for modality in sizes}
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(tokens, present)
    varies = tuple(entry(key, tuple(REFERENCE)).load().space)
    return Cost(varies, parameter_count(model), counter.get_total_flops())


def costs() -> dict[str, Cost]:
    """The cost of one modality alone, and of every strategy of the registry."""
    return {name: cost(name) for name in (ONE_ALONE, *REGISTRY)}


if __name__ == "__main__":
    lines = "".join(f"    {name!r}: {each!r},\n" for name, each in costs().items())
    TABLE.write_text(f"{HEAD}COSTS = {{\n{lines}}}\n", encoding="utf-8")
