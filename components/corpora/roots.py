"""What is not the corpus: files beside it, and a folder that is another than the one asked for."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from ..errors import listed

ARCHIVES = ".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar"
DEPTH, FOLDERS = 3, 2000
"""How deep, and among how many folders, the right one is looked for."""


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


def wrong_root(root: Path, *, title: str, holds: str, looks: Callable[[Path], bool]) -> str:
    """What to say of a folder in which nothing of a corpus is, and where the corpus seems to be.

    Args:
        title: what the corpus is called.
        holds: what its root folder holds.
        looks: whether a folder looks like the root, by what lies directly in it.
    """
    root = root.resolve()
    said = f"{root} is not {title}: it holds no {holds}"
    inside = _inside(root, looks)
    if inside:
        return f"{said}, but {listed(inside)} in it does; give that folder"
    names = sorted(path.name for path in root.iterdir())
    archives = [name for name in names if name.lower().endswith(ARCHIVES)]
    if archives:
        return f"{said}; it holds archives ({listed(archives)}): unpack them there first"
    for folder in (root.parent, root.parent.parent):
        if _right(folder, looks):
            return f"{said}, but {folder} does; give that folder"
    return f"{said}; it holds {listed(names, 5)}" if names else f"{said}; it is empty"


def _inside(root: Path, looks: Callable[[Path], bool]) -> list[str]:
    """The folders below that look right, the nearest first; none below one that does."""
    found, level, seen = [], [root], 0
    for _ in range(DEPTH):
        below = []
        for folder in level[: max(FOLDERS - seen, 0)]:
            below += _folders(folder)
        seen += len(level)
        right = [folder for folder in below if _right(folder, looks)]
        found += right
        level = [folder for folder in below if folder not in right]
    return [folder.relative_to(root).as_posix() for folder in found]


def _right(folder: Path, looks: Callable[[Path], bool]) -> bool:
    try:
        return looks(folder)
    except PermissionError:
        return False


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            inside = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    except PermissionError:
        return []
    return sorted(Path(entry.path) for entry in inside if not entry.name.startswith("."))
