"""Corpora under data/raw: what they may be called, putting one there whole, and having DVC track it."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ...errors import CorpusError, listed
from ...files import replacing
from ...process import run_group
from ...schema import Layout
from .. import layout_of, read
from ..adapters.recognise import nearby, recognise
from ..labels import emotion
from ..reading import Reading
from .copying import differs, files_of, link_all

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")  # as params.yaml takes it
_ENDS = ".dvc", ".partial", ".parquet", ".json"  # those of files that lie beside corpora's folders


def check_name(corpus: str) -> None:
    """Raise CorpusError where a corpus cannot be called so."""
    if not _NAME.fullmatch(corpus):
        raise CorpusError(
            f"{corpus!r} is no name for a corpus: small letters, digits, '.', '_' and '-', the first a letter or "
            "digit, 64 at most"
        )
    if corpus.endswith(_ENDS):
        raise CorpusError(f"{corpus!r} is no name for a corpus: it ends like a file's ({', '.join(_ENDS)})")


def read_as(corpus: str, source: Path, stated: Layout, say: Callable[[str], None]) -> Reading:
    """Read a folder as a corpus and say what was found.

    Raises:
        CorpusError: the folder does not hold this corpus; says which one near it does, if one looks so.
    """
    layout = layout_of(corpus, source, stated)
    looks = recognise(source)
    try:
        reading = read(corpus, source, stated)
    except CorpusError as error:
        raise CorpusError(f"{error}{_hint(str(error), source, layout, looks)}") from None
    if layout == "folder" and not stated.pattern:
        _refuse_one_label(source, reading)
    told = stated.layout != "auto" or layout == corpus
    say(
        f"{source}: {len(reading.table)} utterances of {reading.table['speaker'].nunique()} speakers"
        + ("" if told else f", read as a {layout}")
    )
    if layout == "folder" and looks and not told:
        say(
            f"it looks like {looks}; to read it so, in params.yaml: layouts: {{{corpus}: {{layout: {looks}}}}}"
        )
    if layout in ("folder", "manifest"):
        say(f"labels: {_labels(reading, corpus)}")
    by_reason: dict[str, list[str]] = {}
    for each in reading.unread:
        by_reason.setdefault(each["reason"], []).append(each["path"])
    for reason, paths in sorted(by_reason.items(), key=lambda held: -len(held[1])):
        say(f"not read: {len(paths)} ({reason}): {listed(paths)}")
    return reading


def grow(
    corpus: str,
    files: Mapping[str, Path],
    *,
    root: Path,
    stated: Layout,
    say: Callable[[str], None] = print,
) -> Path:
    """Put files into a corpus's folder, beside those that are there; the folder changes whole or not at all.

    Args:
        files: relative POSIX path → the file, which is linked to where the file system can, else copied.

    Raises:
        CorpusError: another file of the same name is there, or the whole is not the corpus.
    """
    target = root / corpus
    held = files_of(target) if target.is_dir() else {}
    other = [name for name in sorted(held.keys() & files.keys()) if differs(held[name], files[name])]
    if other:
        raise CorpusError(
            f"{target} is there already, and {len(other)} file(s) in it are not what was fetched: {listed(other)}. "
            f"{replace(target)}"
        )
    with replacing(target) as temporary:
        link_all({**held, **files}, temporary)
        try:
            read_as(corpus, temporary, stated, lambda said: say(said.replace(str(temporary), str(target))))
        except CorpusError as error:
            said = str(error).replace(str(temporary), str(target))
            raise CorpusError(f"what was fetched cannot be put there: {said}") from None
    say(f"{len(files.keys() - held.keys())} files put into {target}")
    track(target, say=say)
    return target


def replace(target: Path) -> str:
    """What to do to have another corpus in this place."""
    return (
        f"To replace it: dvc remove {target}.dvc, remove the folder {target}, and run the same command again"
    )


def elsewhere(target: Path) -> None:
    """Raise CorpusError where a corpus is tracked and its data is not here."""
    if Path(f"{target}.dvc").is_file() and not target.is_dir():
        raise CorpusError(
            f"{target}.dvc is there and its data is not: dvc checkout {target}.dvc brings it back (dvc pull from a "
            f"remote); to have another instead, dvc remove {target}.dvc first"
        )


def project_of(root: Path) -> Path:
    """The DVC project that ``root`` is in. Raises CorpusError where it is in none."""
    for folder in (root.resolve(), *root.resolve().parents):
        if (folder / ".dvc").is_dir():
            return folder
    raise CorpusError(
        f"{root.resolve()} is in no DVC project; run this in emoflow's root (or dvc init there)"
    )


def track(target: Path, *, say: Callable[[str], None] = print) -> None:
    """Let DVC track a corpus's folder. Raises CorpusError where DVC cannot."""
    project = project_of(target.parent)
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


def _labels(reading: Reading, corpus: str) -> str:
    """What the corpus's own words were taken for, and how many utterances have each: ``happiness 24 (Ilo, HAPPY)``."""
    table = reading.table
    held = table.assign(shown=table["label"].fillna(table["label_raw"])).dropna(subset=["shown"])
    said = []
    for label, rows in held.groupby("shown"):
        words = sorted(set(rows["label_raw"].dropna()) - {label})
        said.append(f"{label} {len(rows):,}" + (f" ({listed(words, 3)})" if words else ""))
    if len(held) < len(table):
        said.append(f"none {len(table) - len(held):,}")
    own = sorted(set(held.loc[held["label"].isna(), "shown"]))
    return listed(said, 20) + (
        f"; classes of their own, since no emotion that emoflow knows: {listed(own)} (say what such a word means, if "
        f"it is one, in params.yaml: layouts: {{{corpus}: {{labels: {{{own[0]}: happiness}}}}}})"
        if own
        else ""
    )


def _refuse_one_label(source: Path, reading: Reading) -> None:
    """Raise CorpusError where a folder is one label's, its folders speakers: those around it are other labels'."""
    here = source.resolve()
    if reading.table["label"].notna().any() or emotion(here.name) is None:
        return
    around = [path.name for path in here.parent.iterdir() if path.is_dir() and path != here]
    if any(emotion(name) for name in around):
        raise CorpusError(
            f"{source} looks like the folder of one label, {here.name}, and none of its own folders is named by an "
            f"emotion ({listed(sorted(set(reading.table['label_raw'].dropna())), 3)}): give {here.parent}"
        )


def _hint(said: str, source: Path, layout: str, looks: str | None) -> str:
    """Where the corpus may be instead, if the message does not say so already."""
    near = nearby(source, layout)
    if near and str(near) not in said and near.name not in said:
        return f"; {near} looks like {layout}: give that folder"
    if looks and looks != layout:
        return f"; it looks like {looks}"
    return ""
