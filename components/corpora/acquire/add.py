"""Adding a corpus from a folder on disk to data/raw, unchanged and tracked by DVC."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...artifacts.corpora import RAW
from ...errors import CorpusError, listed
from ...files import locked
from ...schema import UNSTATED, Layout
from .. import adapter, layout_of
from ..adapter_interface import OURS, Reading
from ..attached.joining import read_features, to_attach
from ..describe.durations import durations, shorter_than, without_length
from .copy_files import copy_all, differences, files_of
from .raw_data import check_name, elsewhere, project_of, read_as, replace, track

if TYPE_CHECKING:
    import pandas as pd

_MODALITY = re.compile(r"[a-z][a-z0-9_-]*")


def add(
    corpus: str,
    source: Path,
    *,
    stated: Layout = UNSTATED,
    features: Mapping[str, Path] | None = None,
    shortest_s: float = 0.0,
    root: Path = RAW,
    workers: int | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Put a corpus under ``root`` without changing a byte, and let DVC track it.

    Everything is checked before anything is written. The folder appears whole; killed midway, the same command
    goes on. Where the very same exists already, nothing is copied.

    Args:
        corpus: its name: a known corpus's, or one of the user's own.
        source: the corpus as its owner ships it; it is only read.
        stated: what params.yaml says of its layout.
        features: modality → pre-computed features, a file or a folder of them (see ``feature_files``).
        shortest_s: ``validation.shortest_s`` of params: recordings that are shorter are named.
        root: within a DVC project.
        workers: how many files are copied at once; one a core where None.
        say: is told what was found.

    Returns:
        The corpus's folder.

    Raises:
        CorpusError: the source is not this corpus, something else is in its place, the disk is full, DVC fails.
    """
    check_name(corpus)
    source, root = Path(source).expanduser(), Path(root)
    target = root / corpus
    project_of(root)  # before anything is written
    workers = workers or len(os.sched_getaffinity(0))
    files, reading = _checked(corpus, source, stated, dict(features or {}), say)
    _name_odd_lengths(reading.table, source, shortest_s=shortest_s, workers=workers, say=say)
    _apart(source, target)
    if target.is_dir() and any(target.iterdir()):
        other = differences(files, target)
        if other:
            raise CorpusError(
                f"{target} already exists, and {len(other)} file(s) differ from {source}: {listed(other)}. "
                f"{replace(target)}"
            )
        say(f"{target} already exists with the same content")
    else:
        elsewhere(target)
        partial = root / f".{corpus}.partial"
        with locked(partial):
            copy_all(files, partial, workers=workers, what=f"copying {corpus}")
            _drop_empty_folders(partial)
            partial.rename(target)
        say(f"{len(files)} files copied to {target}, each checked by its digest")
    track(target, say=say)
    return target


def _checked(
    corpus: str, source: Path, stated: Layout, features: Mapping[str, Path], say: Callable[[str], None]
) -> tuple[dict[str, Path], Reading]:
    """Where each file of the corpus's folder will come from, and the source read as this corpus."""
    if not source.is_dir():
        raise CorpusError(f"{source} is not a folder; give the one that holds {corpus}, unpacked")
    files = files_of(source)
    reading = read_as(corpus, source, stated, say)
    empty = [name for name, path in files.items() if path.stat().st_size == 0]
    if empty:
        say(f"{len(empty)} file(s) of 0 bytes, as an unfinished copy leaves them: {listed(empty)}")
    local_id = adapter(layout_of(corpus, source, stated)).local_id
    for modality, path in features.items():
        if not _MODALITY.fullmatch(modality):
            raise CorpusError(
                f"{modality!r} is not a valid modality name: lower-case letters, digits, - and _"
            )
        path = Path(path).expanduser()
        ids = reading.table["utterance_id"]
        features = read_features(path, corpus, local_id, ids)
        beside = [name for name in files if name.startswith((f"{OURS}/{modality}.", f"{OURS}/{modality}/"))]
        if beside:
            raise CorpusError(f"{source} brings {beside[0]} of its own; leave out --features {modality}=…")
        say(f"{path}: modality {modality}: {features.coverage(ids)}")
        files |= to_attach(modality, path)
    return files, reading


def _name_odd_lengths(
    table: pd.DataFrame, source: Path, *, shortest_s: float, workers: int, say: Callable[[str], None]
) -> None:
    """Name the recordings that will count as missing, or that the data contract will refuse."""
    seconds = durations(table, source, workers=workers)
    if broken := without_length(table, seconds):
        say(f"{len(broken)} recording(s) whose length cannot be read, broken most likely: {listed(broken)}")
    if short := shorter_than(shortest_s, table, seconds):
        say(
            f"{len(short)} recording(s) shorter than {shortest_s:g} s (validation.shortest_s in params.yaml), which "
            f"the stage validate refuses: {listed(short)}"
        )


def _apart(source: Path, target: Path) -> None:
    one, other = source.resolve(), target.resolve()
    if one != other and (one.is_relative_to(other) or other.is_relative_to(one)):
        raise CorpusError(f"{source} and {target} lie one within the other; move the source elsewhere")


def _drop_empty_folders(folder: Path) -> None:
    """A killed run with another source may have left folders that this one does not fill."""
    for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()
