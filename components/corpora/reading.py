"""What an adapter gives: the utterance table, and a list of what it could not read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..schema import UTTERANCE_COLUMNS, Layout

if TYPE_CHECKING:
    import pandas as pd

OURS = "attached"
"""The folder in a corpus's root that holds feature tables given with it; no recordings."""
RESOURCE_FILES = "._", ".DS_Store", "__MACOSX", "Thumbs.db"


@dataclass(frozen=True)
class Reading:
    """A corpus as read.

    Attributes:
        table: the utterance table (``schema.UTTERANCE_COLUMNS``), sorted by id, without digests.
        unread: what is there, or should be, and cannot be read: ``{"path", "reason"}``, sorted.
    """

    table: pd.DataFrame
    unread: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Adapter:
    """How one corpus is read.

    Attributes:
        read: root folder, the corpus's name, what params.yaml says of its layout → Reading. Ids begin with the name.
        local_id: what a feature table calls a clip → the utterance's id within the corpus, None if it is no name
            of this corpus.
    """

    read: Callable[[Path, str, Layout], Reading]
    local_id: Callable[[str], str | None]


def utterance_table(rows: Iterable[dict]) -> pd.DataFrame:
    """Rows as dictionaries → the utterance table; a column that a row lacks is null."""
    import pandas as pd

    rows = sorted(rows, key=lambda row: row["utterance_id"])
    return pd.DataFrame(
        {
            column: pd.Series([row.get(column) for row in rows], dtype=kind)
            for column, kind in UTTERANCE_COLUMNS.items()
        }
    )


def files_below(root: Path) -> tuple[list[str], int]:
    """Every file of a corpus (relative POSIX paths, sorted), feature tables and operating systems' droppings left out.

    Returns:
        The paths, and how many droppings (``._*``, ``.DS_Store``, …) there were.
    """
    paths, droppings = [], 0
    for path in root.rglob("*"):
        within = path.relative_to(root)
        if path.is_dir() or within.parts[0] == OURS:
            continue
        if any(part.startswith(RESOURCE_FILES) for part in within.parts):
            droppings += 1
        else:
            paths.append(within.as_posix())
    return sorted(paths), droppings


def unread_list(reasons: dict[str, str], droppings: int) -> list[dict[str, str]]:
    """Paths and reasons in the form that ``Reading.unread`` has, droppings counted in one entry."""
    entries = [{"path": path, "reason": reason} for path, reason in sorted(reasons.items())]
    if droppings:
        reason = f"{droppings} file(s) that an operating system left (._*, .DS_Store), not recordings"
        entries.append({"path": "._*", "reason": reason})
    return entries
