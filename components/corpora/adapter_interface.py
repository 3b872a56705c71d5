"""The interface of an adapter, and what adapters share: the utterance table and the list of unreadable files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CorpusError, listed
from ..schema import UTTERANCE_COLUMNS, Layout
from .media_files import leading_out
from .planted_truth import TRUTH, is_planted

if TYPE_CHECKING:
    import pandas as pd

    from .attached.features import Attached

OURS = "attached"
"""The folder in a corpus's root that holds feature tables given with it; no recordings."""
MANIFESTS = "utterances.csv", "utterances.parquet"
"""The table in a corpus's root that describes it, for corpora in no published layout."""
DROPPINGS = frozenset((".DS_Store", "__MACOSX", "Thumbs.db", ".git"))
"""What operating systems and git leave in folders; so do names that begin with ``._``."""


@dataclass(frozen=True)
class Reading:
    """A corpus as read.

    Attributes:
        table: the utterance table (``schema.UTTERANCE_COLUMNS``), sorted by id, without digests.
        unread: files that are missing or cannot be read: ``{"path", "reason"}``, sorted.
    """

    table: pd.DataFrame
    unread: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Adapter:
    """The functions that read one layout.

    Attributes:
        read: (root folder, corpus name, what params.yaml states of its layout) → Reading. Ids begin with the name.
        local_id: what a feature table calls a clip → the utterance's id within the corpus, None if it is no name
            of this corpus.
        features: root folder, the corpus's name, its utterance ids → modality → the features that the corpus itself
            has; None where it has none.
    """

    read: Callable[[Path, str, Layout], Reading]
    local_id: Callable[[str], str | None]
    features: Callable[[Path, str, Sequence[str]], dict[str, Attached]] | None = None


def utterance_table(rows: Iterable[dict]) -> pd.DataFrame:
    """Rows as dictionaries → the utterance table.

    Args:
        rows: one dictionary an utterance, by the table's columns; a column that a row lacks is null.

    Returns:
        The table (``schema.UTTERANCE_COLUMNS``), sorted by id.
    """
    import pandas as pd

    rows = sorted(rows, key=itemgetter("utterance_id"))
    return pd.DataFrame(
        {
            column: pd.Series([row.get(column) for row in rows], dtype=kind)
            for column, kind in UTTERANCE_COLUMNS.items()
        }
    )


def is_dropping(name: str) -> bool:
    """Whether an operating system or git left a file or folder of this name (without its path) in a corpus.

    Args:
        name: of the file or folder.

    Returns:
        True for ``._*``, ``.DS_Store``, ``Thumbs.db``, ``__MACOSX`` and ``.git``.
    """
    return name in DROPPINGS or name.startswith("._")


def files_below(root: Path) -> tuple[list[str], int]:
    """Every file of a corpus (relative POSIX paths, sorted), feature tables, planted truth and droppings left out.

    Args:
        root: the corpus's folder.

    Returns:
        The paths, and how many droppings (``._*``, ``.DS_Store``, …) there were.

    Raises:
        CorpusError: links that lead out of the corpus (but for DVC's own) or to a folder; a folder that cannot be read;
            names that are not UTF-8.
    """
    paths: list[str] = []
    links: list[str] = []
    refused: list[str] = []
    droppings = 0
    apart = {OURS} | ({TRUTH} if is_planted(root) else set())
    folders = [("", False)]
    while folders:
        within, dropped = folders.pop()
        for entry in _entries(root / within):
            path = within + entry.name
            left = dropped or is_dropping(entry.name)
            if entry.is_dir(follow_symlinks=False):
                if path not in apart:
                    folders.append((f"{path}/", left))
            elif left:
                droppings += 1
            elif entry.is_symlink() and entry.is_dir():
                refused.append(path)
            else:
                paths.append(path)
                links += [path] if entry.is_symlink() else []
    refused += leading_out(root, links)
    if refused:
        raise CorpusError(
            f"{root}: {len(refused)} link(s) in it lead out of the corpus or to a folder: {listed(sorted(refused))}; "
            "make a plain copy of it: cp -rL"
        )
    strange = sorted(path for path in paths if not path.isascii() and not _is_unicode(path))
    if strange:
        raise CorpusError(
            f"{root}: {len(strange)} name(s) of files in it are not UTF-8: {listed(map(ascii, strange))}; rename them, "
            "as convmv does"
        )
    paths.sort()
    return paths, droppings


def _is_unicode(path: str) -> bool:
    """Whether a name can be written down: Python keeps bytes that are not UTF-8 as lone surrogates."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _entries(folder: Path) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:  # says what is a folder without asking the disk again
            return list(entries)
    except OSError as error:
        raise CorpusError(f"{folder} cannot be read: {error.strerror}") from None


def unread_list(reasons: dict[str, str], droppings: int) -> list[dict[str, str]]:
    """Paths and reasons in the form that ``Reading.unread`` has.

    Args:
        reasons: path → why it is not read.
        droppings: how many files systems and git left.

    Returns:
        ``{"path", "reason"}``, sorted; the droppings in one entry.
    """
    entries = [{"path": path, "reason": reason} for path, reason in sorted(reasons.items())]
    if droppings:
        reason = (
            f"{droppings} file(s) that an operating system or git left (._*, .DS_Store, .git), not recordings"
        )
        entries.append({"path": "._*", "reason": reason})
    return entries
