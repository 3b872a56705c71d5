"""File names of recordings and transcripts: their suffixes, their stems, and links that leave the corpus."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path

from . import dvc_cache

AUDIO = ".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aac", ".aiff", ".aif"
VIDEO = ".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".flv"
TEXT = (".txt",)
"""Suffixes of recordings and transcripts, in any case; of several of one utterance the first is taken."""
SUFFIXES = {"audio": AUDIO, "video": VIDEO, "text": TEXT}
_MEDIUM = {suffix: medium for medium, suffixes in SUFFIXES.items() for suffix in suffixes}
_CACHED = re.compile(r"[0-9a-f]{2}/[0-9a-f]{30}")
"""A file in DVC's cache, by the MD5 of its content."""
_DRIVE = re.compile(r"[A-Za-z]:/")


def medium_of(path: str) -> str | None:
    """What medium a file is, by its suffix.

    Args:
        path: of the file.

    Returns:
        ``audio``, ``video`` or ``text``; None for any other file.
    """
    return _MEDIUM.get(posixpath.splitext(path)[1].lower())


def stem_of(path: str) -> str:
    """A path without the suffix of a recording or transcript.

    Args:
        path: of the file.

    Returns:
        The path, without ``./`` before it.
    """
    stem, suffix = posixpath.splitext(path)
    return posixpath.normpath(stem if suffix.lower() in _MEDIUM else path)


def local_id(name: str) -> str | None:
    """What a feature table calls a clip → its id in a corpus whose ids are paths or a manifest's own.

    Args:
        name: as the table writes it.

    Returns:
        The id within the corpus; None for an empty name.
    """
    name = name.strip().replace("\\", "/")
    return stem_of(name) if name else None


def leading_out(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """The paths that leave the corpus.

    A link into the cache of the workspace's DVC, as DVC itself makes them, leads nowhere else.

    Args:
        root: the corpus's folder.
        paths: relative POSIX paths.

    Returns:
        Path → the way: absolute, by ``..``, by a link.
    """
    home = root.resolve()
    cache = dvc_cache.folder(home)
    parents: dict[str, bool] = {}
    found = {}
    for path in paths:
        within = posixpath.normpath(path)
        if within.startswith("/") or _DRIVE.match(within):
            found[path] = "absolute"
        elif within.split("/", 1)[0] == "..":
            found[path] = "leads out of the corpus"
        else:
            parent = posixpath.dirname(within)
            if parent not in parents:
                parents[parent] = _below(os.path.realpath(home / parent), home)
            if not parents[parent] or (
                (home / within).is_symlink() and _is_led_out(home / within, home, cache)
            ):
                found[path] = "a link out of the corpus"
    return found


def _below(path: str, home: Path) -> bool:
    return Path(path).is_relative_to(home)


def _is_led_out(link: Path, home: Path, cache: Path | None) -> bool:
    target = os.path.realpath(link)
    if cache is not None and _below(target, cache):
        return not _CACHED.fullmatch(os.path.relpath(target, cache))
    return not _below(target, home)
