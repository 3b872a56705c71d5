"""A transfer matrix for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import listed
from ..summary import percent
from .matrix import Cell, TransferMatrix
from .plan import OTHERS

if TYPE_CHECKING:
    from rich.console import RenderableType


def rendered(matrix: TransferMatrix) -> RenderableType:
    """UA of each pair in percent, with its interval over the test speakers and the number of its classes."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        title=f"UA in percent (95 % interval over test speakers), classes of {escape(matrix.label_space)}",
        title_justify="left",
    )
    table.add_column("trained ↓  tested →")
    for target in matrix.corpora:
        table.add_column(escape(target), no_wrap=True)
    for source in matrix.sources:
        row = (matrix.cell(source, target) for target in matrix.corpora)
        table.add_row("all others" if source == OTHERS else escape(source), *map(_shown, row))
    return Group(table, Text("\n".join(_notes(matrix))))


def _shown(cell: Cell | None) -> str:
    return "not run" if cell is None else f"{percent(cell.ua)}, {len(cell.classes)} classes"


def _notes(matrix: TransferMatrix) -> list[str]:
    notes = [
        "On the diagonal a corpus is tested by its own folds. Guessing has a UA of 100 % / classes, so that cells of "
        "other classes are not to be compared."
    ]
    if matrix.differing:
        notes.append(
            f"The experiments also differ in {listed(matrix.differing, 10)}: what differs between cells is not the "
            "corpora alone."
        )
    return notes
