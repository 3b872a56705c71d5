"""The corpora that are known, and which of them are here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..schema import CORPORA, Corpus

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Row:
    """A known corpus, and where it is: ``here`` on disk, ``tracked`` by DVC only (``dvc pull``), or ``absent``."""

    corpus: Corpus
    state: str


def rows(root: Path) -> list[Row]:
    """Every known corpus, by name. ``root`` is what holds the corpora, data/raw."""
    return [Row(corpus, _state(root, corpus.name)) for _, corpus in sorted(CORPORA.items())]


def table(root: Path) -> Table:
    """The same for a terminal: a block for each corpus, readable at eighty columns."""
    from rich.table import Table

    shown = Table.grid(padding=(0, 2), expand=False)
    for row in rows(root):
        corpus = row.corpus
        here = {"here": f"in {root / corpus.name}", "tracked": "not here", "absent": "not here"}[row.state]
        obtain = f"dvc pull {root / corpus.name}.dvc" if row.state == "tracked" else corpus.obtain
        shown.add_row(f"[bold]{corpus.name}[/bold]", f"[bold]{corpus.title}[/bold]")
        shown.add_row("", f"{', '.join(corpus.modalities)}; {corpus.licence}")
        shown.add_row("", f"label space {corpus.label_space}, protocol {corpus.protocol}")
        shown.add_row("", here if row.state == "here" else f"{here}; to have it: {obtain}")
        shown.add_row()
    return shown


def _state(root: Path, name: str) -> str:
    if (root / name).is_dir():
        return "here"
    return "tracked" if (root / f"{name}.dvc").is_file() else "absent"
