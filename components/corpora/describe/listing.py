"""The list of known corpora and the user's own, with which of them are on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...schema import CORPORA, Corpus
from ..acquire.sources import PARTS

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Row:
    """A corpus, what is known of it (None for one of the user's own), and where it is.

    ``state`` is ``here`` on disk, ``tracked`` by DVC only (``dvc pull``), or ``absent``.
    """

    name: str
    corpus: Corpus | None
    state: str


def rows(root: Path) -> list[Row]:
    """Every known corpus by name, then every other one in ``root``, which is what holds the corpora, data/raw."""
    there = {path.name for path in root.glob("*") if path.is_dir() and not path.name.startswith(".")}
    there |= {path.name.removesuffix(".dvc") for path in root.glob("*.dvc") if path.is_file()}
    own = sorted(there - CORPORA.keys())
    return [Row(name, CORPORA.get(name), _state(root, name)) for name in [*sorted(CORPORA), *own]]


def table(root: Path) -> Table:
    """The same for a terminal: a block for each corpus, readable at eighty columns."""
    from rich.markup import escape
    from rich.table import Table

    shown = Table.grid(padding=(0, 2), expand=False)
    for row in rows(root):
        shown.add_row(f"[bold]{row.name}[/bold]", f"[bold]{escape(_title(row))}[/bold]")
        for line in (*_known(row), _where(row, root)):
            shown.add_row("", escape(line))
        shown.add_row()
    return shown


def gated(name: str, root: Path) -> str:
    """How to get a corpus that cannot be downloaded: where to ask, and what to do with it."""
    corpus = CORPORA[name]
    if name == "control":
        return f"{corpus.title}: synthesised, not downloaded: {corpus.obtain}"
    return (
        f"{corpus.title}\n"
        f"emoflow cannot download it. Licence: {corpus.licence}.\n"
        f"To get it: {corpus.obtain}\n"
        f"That copies it to {root / name} without changing a byte, and has DVC track it."
    )


def _title(row: Row) -> str:
    return row.corpus.title if row.corpus else "your own"


def _known(row: Row) -> list[str]:
    if row.corpus is None:
        return []
    corpus = row.corpus
    lines = [
        corpus.size,
        f"{corpus.labels}; {', '.join(corpus.modalities)}",
        f"licence: {corpus.licence}",
        f"label space {corpus.label_space}, protocol {corpus.protocol}",
    ]
    if row.name in PARTS:
        lines += [f"--part {part.name}: {part.holds}" for part in PARTS[row.name]]
    return lines


def _where(row: Row, root: Path) -> str:
    if row.state == "here":
        return f"in {root / row.name}: emoflow corpora describe {row.name}"
    obtain = row.corpus.obtain if row.corpus and row.state == "absent" else f"dvc pull {root / row.name}.dvc"
    return f"not on disk; to get it: {obtain}"


def _state(root: Path, name: str) -> str:
    if (root / name).is_dir():
        return "here"
    return "tracked" if (root / f"{name}.dvc").is_file() else "absent"
