"""Detecting which known corpus a folder looks like, from the names of its first folders; no file is opened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..adapter_interface import is_dropping

_MARKS = {
    "ravdess": (r"Actor_\d\d/", r"0[1-3]-0[12]-0\d-0[12]-0[12]-0[12]-\d\d\.(wav|flac|mp4)"),
    "iemocap": (r"Session[1-5]/",),
    "crema-d": (r"(AudioWAV|VideoFlash)/",),
    "meld": (
        r"(train|dev|test)_sent_emo\.csv",
        r"(train_splits|dev_splits_complete|output_repeated_splits_test)/",
    ),
    "muse": (r"c\d_muse_\w+/", r"(feature|label)_segments/"),
    "lrs3": (r"(pretrain|trainval)/",),
    "emodb": (r"wav/\d\d[ab]\d\d[A-Z][a-z]\.wav",),
    "manifest": (r"utterances\.(csv|parquet)",),
}
"""Layout → what one of the names in a corpus's root matches, a folder's with a slash."""
_LOOKED_INTO = "wav"
_MOST = 200  # entries of a folder looked at


def recognise(root: Path) -> str | None:
    """The layout that a folder has by the look of it.

    Args:
        root: the folder.

    Returns:
        One of ``schema.LAYOUTS``; None where it is like none.
    """
    names = list(_names(root))
    for layout, marks in _MARKS.items():
        if any(re.fullmatch(mark, name) for mark in marks for name in names):
            return layout
    return None


def nearby(root: Path, layout: str) -> Path | None:
    """The folder around another one that looks like a layout, up to two levels in, or two out.

    Args:
        root: the folder; not looked at itself.
        layout: one of ``schema.LAYOUTS``.

    Returns:
        The folder; None where there is none.
    """
    inside = [path for depth in ("*", "*/*") for path in sorted(root.glob(depth))[:_MOST] if path.is_dir()]
    outside = list(root.resolve().parents)[:2]
    return next((path for path in inside + outside if recognise(path) == layout), None)


def _names(root: Path) -> Iterator[str]:
    for path in _within(root)[:_MOST] if root.is_dir() else ():
        yield f"{path.name}/" if path.is_dir() else path.name
        if path.name == _LOOKED_INTO and path.is_dir():
            yield from (f"{path.name}/{each.name}" for each in _within(path)[:3])


def _within(folder: Path) -> list[Path]:
    """Sorted, without what an operating system leaves there: its names come first."""
    return sorted(path for path in folder.iterdir() if not is_dropping(path.name))
