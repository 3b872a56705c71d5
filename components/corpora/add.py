"""Taking a corpus in: as its owner ships it, under data/raw, tracked by DVC."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import CorpusError, listed
from ..process import run_group
from . import adapter, read
from .copying import alone, copy_all, differences, files_of
from .features import read_features
from .reading import OURS

_MODALITY = re.compile(r"[a-z][a-z0-9_-]*")


def add(
    corpus: str,
    source: Path,
    *,
    features: Mapping[str, Path] | None = None,
    root: Path = Path("data/raw"),
    workers: int | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Put a corpus under ``root`` without changing a byte, and let DVC track it.

    Everything is checked before anything is written. The folder appears whole; killed midway, the same command
    goes on. Where the very same is there already, nothing is copied.

    Args:
        corpus: the name of an adapter.
        source: the corpus as its owner ships it; it is only read.
        features: modality → a CSV of pre-computed features, joined by its column ``name``.
        root: within a DVC project.
        workers: how many files are copied at once; one a core where None.
        say: is told what was found.

    Returns:
        The corpus's folder.

    Raises:
        CorpusError: the source is not this corpus, something else is there already, the disk is full, DVC fails.
    """
    source, root = Path(source).expanduser(), Path(root)
    target = root / corpus
    _project(root)  # before anything is written
    files = _checked(corpus, source, dict(features or {}), say)
    _apart(source, target)
    if target.is_dir() and any(target.iterdir()):
        other = differences(files, target)
        if other:
            raise CorpusError(
                f"{target} is there already, and {len(other)} file(s) differ from {source}: {listed(other)}. "
                f"To replace it: dvc remove {target}.dvc, remove the folder {target}, and run the same command again"
            )
        say(f"{target} is there already, the same to the byte")
    else:
        if Path(f"{target}.dvc").is_file():
            raise CorpusError(
                f"{target}.dvc is there and its data is not: dvc checkout {target}.dvc brings it back (dvc pull from a "
                f"remote); to take in {source} instead, dvc remove {target}.dvc first"
            )
        partial = root / f".{corpus}.partial"
        with alone(partial):
            copy_all(
                files, partial, workers=workers or len(os.sched_getaffinity(0)), what=f"copying {corpus}"
            )
            _drop_empty_folders(partial)
            partial.rename(target)
        say(f"{len(files)} files copied to {target}, each checked by its digest")
    track(target, say=say)
    return target


def _checked(
    corpus: str, source: Path, features: Mapping[str, Path], say: Callable[[str], None]
) -> dict[str, Path]:
    """Where each file of the corpus's folder will come from, after the source was read as this corpus."""
    reader = adapter(corpus)
    if not source.is_dir():
        raise CorpusError(f"{source} is no folder; give the one that holds {corpus}, unpacked")
    files = files_of(source)
    reading = read(corpus, source)
    say(f"{source}: {len(reading.table)} utterances of {reading.table['speaker'].nunique()} speakers")
    if reading.unread:
        said = listed(f"{each['path']} ({each['reason']})" for each in reading.unread)
        say(f"copied, but not read: {len(reading.unread)}: {said}")
    for modality, path in features.items():
        if not _MODALITY.fullmatch(modality):
            raise CorpusError(f"{modality!r} is no name of a modality: small letters, digits, - and _")
        path = Path(path).expanduser()
        ids = reading.table["utterance_id"]
        table = read_features(path, corpus, reader.local_id, ids)
        name = f"{OURS}/{modality}.csv"
        if name in files:
            raise CorpusError(f"{source} brings {name} of its own; leave out --features {modality}=…")
        foreign = table.attrs["foreign"]
        say(
            f"{path}: {table.shape[1]} features, modality {modality}, of {len(table)} of {len(ids)} utterances"
            + (f"; {foreign} row(s) are of clips that are not here" if foreign else "")
        )
        files[name] = path
    return files


def _apart(source: Path, target: Path) -> None:
    one, other = source.resolve(), target.resolve()
    if one != other and (one.is_relative_to(other) or other.is_relative_to(one)):
        raise CorpusError(f"{source} and {target} lie one within the other; move the source elsewhere")


def _project(root: Path) -> Path:
    """The DVC project that ``root`` is in."""
    for folder in (root.resolve(), *root.resolve().parents):
        if (folder / ".dvc").is_dir():
            return folder
    raise CorpusError(
        f"{root.resolve()} is in no DVC project; run this in emoflow's root (or dvc init there)"
    )


def _drop_empty_folders(folder: Path) -> None:
    """A killed run with another source may have left folders that this one does not fill."""
    for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()


def track(target: Path, *, say: Callable[[str], None] = print) -> None:
    """Let DVC track a corpus's folder. Raises CorpusError where DVC cannot."""
    project = _project(target.parent)
    dvc = shutil.which("dvc", path=str(Path(sys.executable).parent))
    if dvc is None:
        raise CorpusError(
            f"no dvc beside {sys.executable}; {target} is in place: install DVC, run this again"
        )
    lines: list[str] = []
    command = [dvc, "add", "--quiet", str(target.resolve().relative_to(project))]
    if run_group(command, on_line=lines.append, cwd=project) != 0:
        said = " ".join(line for line in lines[-5:] if line.strip())
        raise CorpusError(
            f"{target} is in place, but dvc add failed: {said}; mend that and run the same command again"
        )
    say(f"{target} is tracked by DVC; commit {target}.dvc")
