"""The strategies for a person: what each does, where it comes from, what it may vary, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .catalogue import REGISTRY, UNIMODAL
from .cost_table import COSTS
from .costs import CLASSES, ONE_ALONE, REFERENCE, TOKENS, Cost

if TYPE_CHECKING:
    from rich.table import Table

    from .catalogue import Entry


@dataclass(frozen=True)
class Row:
    """A strategy and what it costs."""

    name: str
    entry: Entry
    cost: Cost


def rows() -> list[Row]:
    """A modality alone, then every strategy of the registry, in its order.

    Costs come from `cost_table`, without torch; one that is not in there is measured.
    """
    entries = {ONE_ALONE: UNIMODAL} | REGISTRY
    return [Row(name, entry, COSTS.get(name) or _measured(name)) for name, entry in entries.items()]


def table() -> Table:
    """The same for a terminal: a block for each strategy, readable at eighty columns."""
    from rich.table import Table

    shown = Table.grid(padding=(0, 2), expand=False)
    for row in rows():
        shown.add_row(f"[bold]{row.name}[/bold]", row.entry.description)
        shown.add_row("", f"[dim]{row.entry.source}[/dim]")
        cost = f"{row.cost.parameters:,} parameters, {row.cost.operations / 1e6:.2f} million operations an utterance"
        cost = cost if row.cost.parameters else "nothing is trained"
        varies = f"; varies {', '.join(row.cost.varies)}" if row.cost.varies else ""
        shown.add_row("", cost + varies)
        shown.add_row()
    sizes = ", ".join(f"{name} {size}" for name, size in REFERENCE.items())
    shown.add_row(
        "", f"Cost at {sizes} features, {TOKENS} tokens each, {CLASSES} classes, the smallest architecture."
    )
    return shown


def _measured(name: str) -> Cost:
    from .measuring import cost

    return cost(name)
