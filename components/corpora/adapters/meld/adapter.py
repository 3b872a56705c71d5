"""MELD as published by its authors: three annotation tables, with or without the clips of the three splits.

Poria, Hazarika, Majumder, Naik, Cambria & Mihalcea (2019), *MELD: A Multimodal Multi-Party Dataset for Emotion
Recognition in Conversations*, ACL. Dialogues are numbered anew in each split, so an utterance's id begins with its
split: ``train_dia0_utt0``. Times are seconds in the episode, not in the clip.

The authors' dyadic variant (``train_sent_emo_dya.csv``) has the turns of each pair of speakers as dialogues of their
own, so an utterance may be in several: ``train_dya0_utt0``. It is read where the corpus's own tables are not there.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path, PurePosixPath

from ....errors import CorpusError
from ....files import file_digest
from ....schema import UNSTATED, Layout
from ...adapter_interface import Adapter, Reading, files_below, unread_list, utterance_table
from ...media_files import SUFFIXES, medium_of, stem_of
from ..corpus_root import ARCHIVES, beside, wrong_root
from .rows import annotated, unannotated, unify_speakers

SPLITS = {
    "train": ("train", "train_splits"),
    "dev": ("validation", "dev_splits_complete"),
    "test": ("test", "output_repeated_splits_test"),
}
"""MELD's name of a split → ours, and the folder of its clips."""
KNOWN_BAD = {
    "train_dia125_utt3": "corrupt as shipped",
    "train_dia309_utt0": "cut wrongly as shipped: 41 s, with more in it than the utterance",
    "dev_dia110_utt7": "not in the release",
    "test_dia38_utt4": "cut wrongly as shipped: 305 s, with more in it than the utterance",
    "test_dia220_utt0": "cut wrongly as shipped: 235 s, with more in it than the utterance",
}
"""The clips that users of MELD have found faulty (its repository's issues 20, 22, 27, 39)."""
_CLIP = re.compile(r"dia(\d+)_utt(\d+)", re.IGNORECASE | re.ASCII)
_LOCAL = re.compile(r"(train|dev|test)_(dia|dya)(\d+)_utt(\d+)", re.ASCII)
_TABLE = re.compile(r"(train|dev|test)_sent_emo(_dya)?\.csv")
_FOLDERS = {folder: split for split, (_, folder) in SPLITS.items()}
_SPLIT_WORDS = _FOLDERS | {split: split for split in SPLITS} | {"validation": "dev", "val": "dev"}


def read(root: Path, corpus: str = "meld", stated: Layout = UNSTATED) -> Reading:
    """The corpus in ``root``: one row a line of its tables; of a split without a table, one a clip.

    Clips ship as ``.mp4``; those that were converted to sound or to another container are taken as well.

    Args:
        root: the corpus's folder.
        corpus: its name.
        stated: what params.yaml states of its layout.

    Returns:
        The utterance table, and what is not read.

    Raises:
        CorpusError: nothing here is MELD, a table that lacks columns or names an utterance twice, two tables of a
            split that differ.
    """
    paths, droppings = files_below(root)
    unread: dict[str, str] = {}
    tables, clips = _find(root, paths, unread)
    if not tables and not any(clips.values()):
        holds = "train_sent_emo.csv, and no train_splits with clips"
        raise CorpusError(wrong_root(root, title="MELD", holds=holds, layout="meld"))
    rows = []
    for split, (official, folder) in SPLITS.items():
        if split in tables:
            of_split = annotated(root, tables[split], corpus=corpus, split=split, unread=unread)
        else:
            unread[f"{split}_sent_emo.csv"] = _no_table(len(clips[split]))
            of_split = unannotated(clips[split], corpus=corpus)
        for row in of_split:
            row["split_official"] = official
            row["language"] = stated.language or "en"
        _join(of_split, clips[split], folder, unread=unread, anywhere=any(clips.values()))
        rows += of_split
    unify_speakers(rows, corpus, unread)
    return Reading(utterance_table(rows), unread_list(unread, droppings))


def local_id(name: str) -> str | None:
    """What a feature table calls a clip → its id within the corpus.

    Args:
        name: ``train_dia0_utt0``, ``train_splits/dia0_utt0.mp4``, ``train/dia0_utt0``.

    Returns:
        ``train_dia0_utt0``; None for what is no name of a clip.
    """
    path = PurePosixPath(name.strip())
    stem = stem_of(re.sub(r"\.(csv|npy)$", "", path.name, flags=re.IGNORECASE))
    split = _SPLIT_WORDS.get(path.parent.name)
    if split and not _LOCAL.fullmatch(stem):
        stem = f"{split}_{stem}"
    match = _LOCAL.fullmatch(stem)
    return match and f"{match[1]}_{match[2]}{int(match[3])}_utt{int(match[4])}"


Clips = dict[str, dict[str, str]]
"""Local id → ``audio`` or ``video`` → the clip's path."""


def _find(root: Path, paths: list[str], unread: dict[str, str]) -> tuple[dict, dict[str, Clips]]:
    """The split → its table; the split → its clips. What is neither goes to ``unread``."""
    tables: dict[str, str] = {}
    dyadic: dict[str, str] = {}
    clips: dict[str, Clips] = {split: {} for split in SPLITS}
    other = []
    for path in sorted(paths, key=_preference):
        place = PurePosixPath(path)
        table = _TABLE.fullmatch(place.name)
        medium = medium_of(path)
        clip = _CLIP.fullmatch(place.stem) if medium in ("audio", "video") else None
        if table:
            split, taken = table[1], dyadic if table[2] else tables
            if split not in taken:
                taken[split] = path
            elif file_digest(root / path) == file_digest(root / taken[split]):
                unread[path] = f"the same table as {taken[split]}, which is taken"
            else:
                raise CorpusError(
                    f"{root} has two tables of {split} that differ: {taken[split]} and {path}; keep one"
                )
        elif clip and place.parent.name in _FOLDERS:
            local = f"{_FOLDERS[place.parent.name]}_dia{int(clip[1])}_utt{int(clip[2])}"
            taken = clips[_FOLDERS[place.parent.name]].setdefault(local, {})
            if medium in taken:
                unread[path] = f"the same clip as {taken[medium]}, which is taken"
            else:
                taken[medium] = path
        elif place.name.lower().endswith(ARCHIVES):
            unread[path] = "an archive: unpack it where it is"
        elif medium in ("audio", "video"):
            where = place.parent.name
            unread[path] = (
                f"a clip of a split is called dia0_utt0.mp4 (or .wav and others); {place.name} is none"
                if where in _FOLDERS
                else f"lies in {place.parent.as_posix()}, not in {', '.join(_FOLDERS)}"
            )
        else:
            other.append(path)
    unread |= beside(other, "neither a table of a split nor a clip")
    if tables:
        left = "the dyadic variant of MELD, whose own tables are here and are taken"
        unread |= dict.fromkeys(dyadic.values(), left)
    return tables or dyadic, clips


def _preference(path: str) -> tuple[int, int, str]:
    """Of two files of one split, or of one clip's sound or film, the first in this order is taken."""
    order = SUFFIXES.get(medium_of(path), ())
    suffix = PurePosixPath(path).suffix.lower()
    return path.count("/"), order.index(suffix) if order else 0, path


def _join(rows: list[dict], clips: Clips, folder: str, *, unread: dict[str, str], anywhere: bool) -> None:
    """Give the rows their clips; say which lack one, and which clips have no row.

    Args:
        rows: of one split.
        clips: of the same split.
        folder: where the release has these clips.
        unread: path → why it is not read; added to.
        anywhere: whether there are clips of any split; tables alone are a corpus of text.
    """
    expected = set()
    lost = []
    for row in rows:
        local = row.pop("clip", row["utterance_id"].rpartition("/")[2])
        if local in expected and local not in clips:
            continue
        expected.add(local)
        files = clips.get(local)
        if files is None:
            lost.append(local)
        elif local in KNOWN_BAD:
            unread |= dict.fromkeys(files.values(), KNOWN_BAD[local])
        else:
            row |= files
    if clips:
        places = [PurePosixPath(path) for files in clips.values() for path in files.values()]
        where, suffix = Counter((str(place.parent), place.suffix) for place in places).most_common(1)[0][0]
        for local in lost:
            why = KNOWN_BAD.get(local, "the table has this utterance, and the clip is missing")
            unread[f"{where}/{local.partition('_')[2]}{suffix}"] = f"missing: {why}"
    elif anywhere and rows:
        unread[folder] = f"missing: none of this split's {len(rows)} clips is here"
    for local in clips.keys() - expected:
        why = KNOWN_BAD.get(local, "the table has no such utterance")
        unread |= dict.fromkeys(clips[local].values(), why)


def _no_table(clips: int) -> str:
    consequence = f"; its {clips} clips have neither words nor a label" if clips else ""
    return f"missing{consequence}"


ADAPTER = Adapter(read=read, local_id=local_id)
