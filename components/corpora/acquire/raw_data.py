"""The folder data/raw: corpus names, installing a corpus atomically, and tracking it with DVC."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace as replace_fields
from pathlib import Path

from ...errors import CorpusError, listed
from ...files import replacing, yaml_word
from ...process import run_group
from ...schema import Layout
from .. import layout_of, read
from ..adapter_interface import Reading, files_below
from ..adapters.detect_layout import nearby, recognise
from ..guess_pattern import guess
from ..labels import emotion
from .copy_files import differs, files_of, link_all

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")  # as params.yaml takes it
_ENDS = ".dvc", ".partial", ".parquet", ".json"  # those of files that lie beside corpora's folders


def check_name(corpus: str) -> None:
    """Raise CorpusError for an invalid corpus name.

    Args:
        corpus: the name.
    """
    if not _NAME.fullmatch(corpus):
        raise CorpusError(
            f"{corpus!r} is not a valid corpus name: lower-case letters, digits, '.', '_' and '-', the first a "
            "letter or digit, 64 at most"
        )
    if corpus.endswith(_ENDS):
        raise CorpusError(
            f"{corpus!r} is not a valid corpus name: it ends like a file's ({', '.join(_ENDS)})"
        )


def read_as(corpus: str, source: Path, stated: Layout, say: Callable[[str], None]) -> Reading:
    """Read a folder as a corpus and report what was found.

    Args:
        corpus: its name.
        source: the folder.
        stated: what params.yaml states of its layout.
        say: called with each message for the user.

    Returns:
        The corpus as read.

    Raises:
        CorpusError: the folder is not this corpus; the message names a folder near it that looks like it.
    """
    layout = layout_of(corpus, source, stated)
    looks = recognise(source)
    try:
        reading = read(corpus, source, stated)
    except CorpusError as error:
        raise CorpusError(f"{error}{_hint(corpus, str(error), source, layout, looks)}") from None
    if layout == "folder" and not stated.pattern:
        _refuse_one_label(source, reading)
    declared = stated.layout != "auto" or layout == corpus
    say(
        f"{source}: {len(reading.table)} utterances of {reading.table['speaker'].nunique()} speakers"
        + ("" if declared else f", read as a {layout}")
    )
    if layout == "folder" and looks and not declared:
        say(_looks_like(corpus, looks))
    if layout == "folder" and not stated.pattern and reading.table["speaker"].isna().all():
        say(_without_speakers(corpus, source, stated))
    if layout in ("folder", "manifest"):
        say(f"labels: {_labels(reading, corpus)}")
    by_reason: dict[str, list[str]] = {}
    for each in reading.unread:
        by_reason.setdefault(each["reason"], []).append(each["path"])
    for reason, paths in sorted(by_reason.items(), key=lambda item: -len(item[1])):
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
    """Add files to a corpus's folder and let DVC track it; the folder changes as a whole or not at all.

    Args:
        corpus: its name.
        files: relative POSIX path → the file, which is linked to where the file system can, else copied.
        root: the folder of the corpora on disk, data/raw.
        stated: what params.yaml states of its layout.
        say: called with each message for the user.

    Returns:
        The corpus's folder.

    Raises:
        CorpusError: another file of the same name exists, or the result is not the corpus.
    """
    target = root / corpus
    existing = files_of(target) if target.is_dir() else {}
    other = [name for name in sorted(existing.keys() & files.keys()) if differs(existing[name], files[name])]
    if other:
        raise CorpusError(
            f"{target} already exists, and {len(other)} file(s) in it are not what was fetched: {listed(other)}. "
            f"{replace(target)}"
        )
    with replacing(target) as temporary:
        link_all({**existing, **files}, temporary)
        try:
            read_as(
                corpus, temporary, stated, lambda message: say(message.replace(str(temporary), str(target)))
            )
        except CorpusError as error:
            reason = str(error).replace(str(temporary), str(target))
            raise CorpusError(f"what was fetched cannot be put there: {reason}") from None
    say(f"{len(files.keys() - existing.keys())} files put into {target}")
    track(target, say=say)
    return target


def replace(target: Path) -> str:
    """How to replace a corpus, in words.

    Args:
        target: the corpus's folder.

    Returns:
        The commands, in a sentence.
    """
    return (
        f"To replace it: dvc remove {target}.dvc, remove the folder {target}, and run the same command again"
    )


def elsewhere(target: Path) -> None:
    """Raise CorpusError if a corpus is tracked by DVC but its data is not on disk.

    Args:
        target: the corpus's folder.
    """
    if Path(f"{target}.dvc").is_file() and not target.is_dir():
        raise CorpusError(
            f"{target}.dvc exists and its data does not: restore it with dvc checkout {target}.dvc (dvc pull from a "
            f"remote); to replace it, dvc remove {target}.dvc first"
        )


def project_of(root: Path) -> Path:
    """The DVC project that ``root`` is in.

    Args:
        root: a folder.

    Returns:
        The folder that holds ``.dvc``.

    Raises:
        CorpusError: it is in none.
    """
    for folder in (root.resolve(), *root.resolve().parents):
        if (folder / ".dvc").is_dir():
            return folder
    raise CorpusError(
        f"{root.resolve()} is not in a DVC project; run this in a workspace (or run dvc init there)"
    )


def track(target: Path, *, say: Callable[[str], None] = print) -> None:
    """Let DVC track a corpus's folder.

    Args:
        target: the corpus's folder.
        say: called with each message for the user.

    Raises:
        CorpusError: DVC cannot.
    """
    project = project_of(target.parent)
    dvc = shutil.which("dvc", path=str(Path(sys.executable).parent))
    if dvc is None:
        raise CorpusError(
            f"no dvc beside {sys.executable}; {target} is in place: install DVC, run this again"
        )
    lines: list[str] = []
    command = [dvc, "add", "--quiet", str(target.resolve().relative_to(project))]
    if run_group(command, on_line=lines.append, cwd=project) != 0:
        output = " ".join(line for line in lines[-5:] if line.strip())
        raise CorpusError(
            f"{target} is in place, but dvc add failed: {output}; fix that and run the same command again"
        )
    say(f"{target} is tracked by DVC; commit {target}.dvc")


def _labels(reading: Reading, corpus: str) -> str:
    """The labels, with the number of utterances and the corpus's own words for each: ``happiness 24 (Ilo, HAPPY)``."""
    table = reading.table
    shown_rows = table.assign(shown=table["label"].fillna(table["label_raw"])).dropna(subset=["shown"])
    counts = []
    for label, rows in shown_rows.groupby("shown"):
        words = sorted(set(rows["label_raw"].dropna()) - {label})
        counts.append(f"{label} {len(rows):,}" + (f" ({listed(words, 12)})" if words else ""))
    if len(shown_rows) < len(table):
        counts.append(f"none {len(table) - len(shown_rows):,}")
    own = sorted(set(shown_rows.loc[shown_rows["label"].isna(), "shown"]))
    return listed(counts, 20) + (
        f"; not emotions that emoflow knows, so classes of their own: {listed(own)} (map such a word to an "
        f"emotion in params.yaml: layouts: {{{yaml_word(corpus)}: {{labels: {{{yaml_word(own[0])}: happiness}}}}}})"
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


def guessed(corpus: str, source: Path, stated: Layout, say: Callable[[str], None]) -> None:
    """Guess from a folder's file names which part is the speaker, and say what would be read so; nothing is written.

    Args:
        corpus: its name.
        source: the folder.
        stated: what params.yaml states of its layout.
        say: called with each message for the user.

    Raises:
        CorpusError: no part of the names looks like a speaker, and no folder or table names any.
    """
    found = guess(files_below(source)[0], stated.labels)
    if found is None:
        speakers = [] if stated.pattern else _named_speakers(corpus, source, stated)
        if speakers:
            say(
                f"{source}: nothing has to be stated: as it is read without a pattern, the speakers are "
                f"{listed(speakers, 30)}; to add it: emoflow corpora add {corpus} {source}"
            )
            return
        raise CorpusError(
            f"the names of the files in {source} tell no speaker that could be guessed: state "
            "layouts.<corpus>.pattern in params.yaml, with a group (?P<speaker>…)"
        )
    path, fields = found.example
    say(f"a guess: {path} has {', '.join(f'{name} {value!r}' for name, value in fields.items())}")
    say(f"speakers: {listed(found.speakers, 30)}")
    read_as(corpus, source, replace_fields(stated, layout="folder", pattern=found.pattern), say)
    say(f"if it is right, in params.yaml: {_with_pattern(corpus, found.pattern)}")


def _named_speakers(corpus: str, source: Path, stated: Layout) -> list[str]:
    """The speakers that a corpus's folders or its table name; none where some utterance lacks one."""
    try:
        speakers = read(corpus, source, stated).table["speaker"]
    except CorpusError:
        return []
    return [] if speakers.isna().any() else sorted(set(speakers.str.removeprefix(f"{corpus}/")))


def _without_speakers(corpus: str, source: Path, stated: Layout) -> str:
    """What to say of a folder whose names were read without speakers."""
    found = guess(files_below(source)[0], stated.labels)
    consequence = "no speakers: folds can then not be made by speaker, and scores are inflated"
    if found is None:
        return f"{consequence}; use LABEL/SPEAKER/ folders, or state layouts.<corpus>.pattern in params.yaml"
    return (
        f"{consequence}; the names look as if {listed(found.speakers, 3)} were the speakers: if they are, in "
        f"params.yaml {_with_pattern(corpus, found.pattern)} (emoflow corpora add {corpus} {source} --guess shows what "
        "would be read)"
    )


def _with_pattern(corpus: str, pattern: str) -> str:
    return f"layouts: {{{yaml_word(corpus)}: {{layout: folder, pattern: '{pattern}'}}}}"


def _looks_like(corpus: str, looks: str) -> str:
    stated = f"layouts: {{{yaml_word(corpus)}: {{layout: {looks}}}}}"
    return f"it looks like {looks}; to read it so, in params.yaml: {stated}"


def _hint(corpus: str, error: str, source: Path, layout: str, looks: str | None) -> str:
    """Where the corpus may be instead, if the message does not say so already."""
    near = nearby(source, layout)
    if near and str(near) not in error and near.name not in error:
        return f"; {near} looks like {layout}: give that folder"
    if looks and looks != layout:
        return f"; {_looks_like(corpus, looks)}"
    return ""
