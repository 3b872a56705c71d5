"""The strategies for a person: what each does, where it comes from, what it may vary, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .strategy import REGISTRY, UNIMODAL, Choice, build, parameter_count, search_space

if TYPE_CHECKING:
    from rich.table import Table

    from .strategy import Entry

REFERENCE = {"audio": 128, "face": 128, "text": 128}
"""Prepared features of a modality; what parameters and cost are told for."""
TOKENS, CLASSES = 8, 7


@dataclass(frozen=True)
class Row:
    """A strategy and its cost at the first value of everything that its architecture may vary.

    Attributes:
        varies: the configuration's keys that are its own, beside those of every training.
        parameters: trained ones.
        operations: multiplications and additions of one utterance's forward pass, of `TOKENS` tokens a modality.
    """

    name: str
    entry: Entry
    varies: tuple[str, ...]
    parameters: int
    operations: int


def rows() -> list[Row]:
    """A modality alone, then every strategy of the registry, in its order."""
    return [_row("audio", "one modality alone", UNIMODAL)] + [
        _row(name, name, entry) for name, entry in REGISTRY.items()
    ]


def table() -> Table:
    """The same for a terminal: a block for each strategy, readable at eighty columns."""
    from rich.table import Table

    shown = Table.grid(padding=(0, 2), expand=False)
    for row in rows():
        shown.add_row(f"[bold]{row.name}[/bold]", row.entry.description)
        shown.add_row("", f"[dim]{row.entry.source}[/dim]")
        cost = f"{row.parameters:,} parameters, {row.operations / 1e6:.2f} million operations an utterance"
        cost = cost if row.parameters else "nothing is trained"
        varies = f"; varies {', '.join(row.varies)}" if row.varies else ""
        shown.add_row("", cost + varies)
        shown.add_row()
    sizes = ", ".join(f"{name} {size}" for name, size in REFERENCE.items())
    shown.add_row(
        "", f"Cost at {sizes} features, {TOKENS} tokens each, {CLASSES} classes, the smallest architecture."
    )
    return shown


def _row(key: str, name: str, entry: Entry) -> Row:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    space = search_space(key, tuple(REFERENCE))
    kind = entry.load()
    config = {
        name: axis.values[0] if isinstance(axis, Choice) else axis.at(0.0) for name, axis in space.items()
    }
    sizes = {key: REFERENCE[key]} if entry is UNIMODAL else REFERENCE
    model = build(key, dimensions=sizes, classes=CLASSES, config=config).eval()
    tokens = {name: torch.zeros(1, TOKENS, size) for name, size in sizes.items()}
    present = {name: torch.ones(1, TOKENS, dtype=torch.bool) for name in sizes}
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(tokens, present)
    return Row(name, entry, tuple(kind.space), parameter_count(model), counter.get_total_flops())
