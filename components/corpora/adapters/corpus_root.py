"""Finding the root of a corpus: files beside it, and the folder to give instead of a wrong one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ...errors import listed
from .detect_layout import nearby

ARCHIVES = ".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar"


def beside(paths: Iterable[str], what: str) -> dict[str, str]:
    """Files that are none of the corpus's recordings, in the form of ``Reading.unread``: a folder's in one entry."""
    files, folders = {}, Counter()
    for path in paths:
        top, inside, _ = path.partition("/")
        if inside:
            folders[top] += 1
        else:
            files[top] = what
    return files | {top: f"{count} file(s): {what}" for top, count in folders.items()}


def wrong_root(root: Path, *, title: str, holds: str, layout: str) -> str:
    """What to say of a folder in which nothing of a corpus is, and where the corpus seems to be.

    Args:
        title: what the corpus is called.
        holds: what its root folder holds.
    """
    root = root.resolve()
    problem = f"{root} is not {title}: it holds no {holds}"
    right = nearby(root, layout)
    if right:
        return f"{problem}, but {right} does; give that folder"
    names = sorted(path.name for path in root.iterdir())
    archives = [name for name in names if name.lower().endswith(ARCHIVES)]
    if archives:
        return f"{problem}; it holds archives ({listed(archives)}): unpack them there first"
    return f"{problem}; it holds {listed(names, 5)}" if names else f"{problem}; it is empty"
