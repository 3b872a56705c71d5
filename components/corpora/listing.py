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
    """The same for a terminal."""
    from rich.table import Table

    shown = Table(
        "corpus", "here", "modalities", "label space", "protocol", "licence", "what, and where to get it"
    )
    for row in rows(root):
        corpus = row.corpus
        told = f"{corpus.title}\n{corpus.obtain}" if row.state == "absent" else corpus.title
        here = {"here": "yes", "tracked": f"dvc pull {root / corpus.name}.dvc", "absent": "no"}[row.state]
        shown.add_row(
            corpus.name,
            here,
            ", ".join(corpus.modalities),
            corpus.label_space,
            corpus.protocol,
            corpus.licence,
            told,
        )
    return shown


def _state(root: Path, name: str) -> str:
    if (root / name).is_dir():
        return "here"
    return "tracked" if (root / f"{name}.dvc").is_file() else "absent"
