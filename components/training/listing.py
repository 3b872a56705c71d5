"""What training may vary, for a person: each hyper-parameter, its range, and what is searched by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..fusion.axes import Choice, Log, Uniform
from ..fusion.catalogue import TRAINING_SPACE
from .hyperparameters import HYPERPARAMETERS

if TYPE_CHECKING:
    from rich.table import Table


def table() -> Table:
    """A block for each hyper-parameter, readable at eighty columns."""
    from rich.table import Table

    shown = Table.grid(padding=(0, 2), expand=False)
    for name, hyperparameter in HYPERPARAMETERS.items():
        shown.add_row(f"[bold]{name}[/bold]", hyperparameter.meaning)
        own = (
            f"searched in {searched(name)}"
            if name in TRAINING_SPACE
            else f"{hyperparameter.default:g} where not stated"
        )
        shown.add_row("", f"[dim]{hyperparameter.low:g} to {hyperparameter.high:g}; {own}[/dim]")
    shown.add_row()
    shown.add_row(
        "",
        "A strategy may search further ones (`emoflow strategies`). search.space in params.yaml fixes or searches any "
        "of them, for all strategies or for one.",
    )
    return shown


def searched(name: str) -> str:
    """The range of the common search space, in the words of params.yaml."""
    axis: Choice | Uniform | Log = TRAINING_SPACE[name]
    if isinstance(axis, Choice):
        return f"[{', '.join(f'{value:g}' for value in axis.values)}]"
    scale = "log" if isinstance(axis, Log) else "uniform"
    return f"{{{scale}: [{axis.low:g}, {axis.high:g}]}}"
