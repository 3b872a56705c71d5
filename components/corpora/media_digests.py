"""SHA-256 digests of every audio, video and text of an utterance table, computed on all cores."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import digest_of, file_digest
from ..progress import track
from ..schema import file_of

if TYPE_CHECKING:
    import pandas as pd


def with_digests(table: pd.DataFrame, root: Path, *, workers: int) -> pd.DataFrame:
    """The table with ``audio_digest``, ``video_digest`` (of the files' bytes) and ``text_digest`` (of UTF-8).

    Null where there is no file, or one of 0 bytes: all empty files are alike, and no copies of each other. A part of
    a file (``schema.CUT``) has a digest of its own, of the file's and of which part it is.
    """
    paths = sorted({file_of(path) for column in ("audio", "video") for path in table[column].dropna()})
    with ThreadPoolExecutor(workers) as pool:  # hashing lets go of the interpreter's lock
        found = pool.map(lambda path: _digest(root / path), paths)
        digests = dict(zip(paths, track(found, total=len(paths), what="digests"), strict=True))
    table = table.copy()
    for column in ("audio", "video"):
        taken = {path: _part(digests[file_of(path)], path) for path in table[column].dropna().unique()}
        table[f"{column}_digest"] = table[column].map(taken).astype("str")
    texts = {text: hashlib.sha256(text.encode()).hexdigest() for text in table["text"].dropna().unique()}
    table["text_digest"] = table["text"].map(texts).astype("str")
    return table


def media_digest(root: Path, name: str) -> str | None:
    """The digest of one recording, as the utterance table has it.

    Args:
        root: of the corpus.
        name: the recording's path below it, perhaps of a part of it.
    """
    return _part(_digest(root / file_of(name)), name)


def _part(digest: str | None, path: str) -> str | None:
    part = path[len(file_of(path)) :]
    return digest_of([digest, part]) if digest and part else digest


def _digest(path: Path) -> str | None:
    return file_digest(path) if path.is_file() and path.stat().st_size else None
