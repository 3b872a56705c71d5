"""MELD as published by its authors: three annotation tables, with or without the clips of the three splits.

Poria, Hazarika, Majumder, Naik, Cambria & Mihalcea (2019), *MELD: A Multimodal Multi-Party Dataset for Emotion
Recognition in Conversations*, ACL. Dialogues are numbered anew in each split, so an utterance's id begins with its
split: ``train_dia0_utt0``. Times are seconds in the episode, not in the clip.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path, PurePosixPath

from ....errors import CorpusError
from ....files import file_digest
from ....schema import UNSTATED, Layout
from ...adapter_interface import Adapter, Reading, files_below, unread_list, utterance_table
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
_CLIP = re.compile(r"dia(\d+)_utt(\d+)\.mp4", re.IGNORECASE | re.ASCII)
_LOCAL = re.compile(r"(train|dev|test)_dia(\d+)_utt(\d+)", re.ASCII)
_FOLDERS = {folder: split for split, (_, folder) in SPLITS.items()}
_SPLIT_WORDS = _FOLDERS | {split: split for split in SPLITS} | {"validation": "dev", "val": "dev"}


def read(root: Path, corpus: str = "meld", stated: Layout = UNSTATED) -> Reading:
    """The corpus in ``root``: one row a line of its tables; of a split without a table, one a clip.

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
            of_split = unannotated(clips[split], corpus=corpus, split=split)
        for row in of_split:
            row["split_official"] = official
            row["language"] = stated.language or "en"
        _join(of_split, clips[split], folder, unread=unread, anywhere=any(clips.values()))
        rows += of_split
    unify_speakers(rows, corpus, unread)
    return Reading(utterance_table(rows), unread_list(unread, droppings))


def local_id(name: str) -> str | None:
    """``train_dia0_utt0``, ``train_splits/dia0_utt0.mp4``, ``train/dia0_utt0`` → ``train_dia0_utt0``."""
    path = PurePosixPath(name.strip())
    stem = re.sub(r"\.(mp4|wav|csv|npy)$", "", path.name, flags=re.IGNORECASE)
    split = _SPLIT_WORDS.get(path.parent.name)
    if split and not _LOCAL.fullmatch(stem):
        stem = f"{split}_{stem}"
    match = _LOCAL.fullmatch(stem)
    return match and f"{match[1]}_dia{int(match[2])}_utt{int(match[3])}"


def _find(root: Path, paths: list[str], unread: dict[str, str]) -> tuple[dict, dict[str, dict[str, str]]]:
    """The split → its table; the split → local id → its clip. What is neither goes to ``unread``."""
    tables: dict[str, str] = {}
    clips: dict[str, dict[str, str]] = {split: {} for split in SPLITS}
    other = []
    for path in sorted(paths, key=lambda path: (path.count("/"), path)):
        place = PurePosixPath(path)
        split = place.name.removesuffix("_sent_emo.csv") if place.name.endswith("_sent_emo.csv") else None
        clip = _CLIP.fullmatch(place.name)
        if split in SPLITS:
            if split not in tables:
                tables[split] = path
            elif file_digest(root / path) == file_digest(root / tables[split]):
                unread[path] = f"the same table as {tables[split]}, which is taken"
            else:
                raise CorpusError(
                    f"{root} has two tables of {split} that differ: {tables[split]} and {path}; keep one"
                )
        elif clip and place.parent.name in _FOLDERS:
            taken = clips[_FOLDERS[place.parent.name]]
            local = f"{_FOLDERS[place.parent.name]}_dia{int(clip[1])}_utt{int(clip[2])}"
            if local in taken:
                unread[path] = f"the same clip as {taken[local]}, which is taken"
            else:
                taken[local] = path
        elif place.name.lower().endswith(ARCHIVES):
            unread[path] = "an archive: unpack it where it is"
        elif place.suffix.lower() == ".mp4":
            where = place.parent.name
            unread[path] = (
                f"a clip of a split is called dia0_utt0.mp4; {place.name} is none"
                if where in _FOLDERS
                else f"lies in {place.parent.as_posix()}, not in {', '.join(_FOLDERS)}"
            )
        else:
            other.append(path)
    unread |= beside(other, "neither a table of a split nor a clip")
    return tables, clips


def _join(
    rows: list[dict], clips: dict[str, str], folder: str, *, unread: dict[str, str], anywhere: bool
) -> None:
    """Give the rows their clips; say which lack one, and which clips have no row.

    Args:
        anywhere: whether there are clips of any split; tables alone are a corpus of text.
    """
    expected = set()
    lost = []
    for row in rows:
        local = row["utterance_id"].rpartition("/")[2]
        expected.add(local)
        path = clips.get(local)
        if path is None:
            lost.append(local)
        elif local in KNOWN_BAD:
            unread[path] = KNOWN_BAD[local]
        else:
            row["video"] = path
    if clips:
        where = Counter(str(PurePosixPath(path).parent) for path in clips.values()).most_common(1)[0][0]
        for local in lost:
            why = KNOWN_BAD.get(local, "the table has this utterance, and the clip is missing")
            unread[f"{where}/{local.partition('_')[2]}.mp4"] = f"missing: {why}"
    elif anywhere and rows:
        unread[folder] = f"missing: none of this split's {len(rows)} clips is here"
    for local in clips.keys() - expected:
        unread[clips[local]] = KNOWN_BAD.get(local, "the table has no such utterance")


def _no_table(clips: int) -> str:
    consequence = f"; its {clips} clips have neither words nor a label" if clips else ""
    return f"missing{consequence}"


ADAPTER = Adapter(read=read, local_id=local_id)
