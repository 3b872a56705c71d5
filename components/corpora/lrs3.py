"""LRS3 as Oxford ships it: clips of TED talks, for pre-training; nobody's emotion is labelled.

Afouras, Chung & Zisserman (2018), *LRS3-TED: a large-scale dataset for visual speech recognition*,
arXiv:1809.00496. ``{pretrain,trainval,test}/<talk>/<number>.mp4`` (224 × 224, 25 pictures a second, with its sound)
and beside it ``.txt``::

    Text:  HE SAID TO ME
    Conf:  4
    Ref: UGtFXtnWME4

    FRAME 	X 	Y 	W 	H
    000245 	0.310 	0.178 	0.210 	0.373

    WORD START END ASDSCORE
    HE 0.10 0.28 4.5

The second part says where in the talk's pictures the face is; the third, when in the clip each word is said, and some
releases leave it out. A talk's name on YouTube is its speaker.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import CorpusError, listed
from ..schema import UNSTATED, Layout
from .reading import Adapter, Reading, files_below, unread_list, utterance_table

SPLITS = {"pretrain": "train", "trainval": "train", "test": "test"}
"""The release's parts → what ``split_official`` calls them."""
FPS = 25
"""The talks' pictures a second, by which the second part of a ``.txt`` counts."""
_CLIP = re.compile(r"(pretrain|trainval|test)/([\w-]+)/(\d+)")
_WITHIN = re.compile(r"(^|/)\d+\.(mp4|txt)$")
_SUFFIXES = ".mp4", ".txt"


@dataclass(frozen=True)
class Word:
    """One word, and when it is said: in seconds from the clip's start."""

    word: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Transcript:
    """What the ``.txt`` of a clip says.

    Attributes:
        text: None where it has none.
        ref: the talk's name.
        frames: the first and the last of the talk's pictures that the clip holds.
        words: () where it leaves them out.
    """

    text: str | None
    ref: str | None
    frames: tuple[int, int] | None
    words: tuple[Word, ...] = ()


def read(root: Path, corpus: str = "lrs3", stated: Layout = UNSTATED) -> Reading:
    """The corpus in ``root``: one row a clip, or what is written of one.

    Raises:
        CorpusError: nothing here is LRS3; says which folder looks like it.
    """
    paths, droppings = files_below(root)
    clips: dict[str, dict[str, str]] = defaultdict(dict)
    unread: dict[str, str] = {}
    for path in paths:
        stem, dot, suffix = path.rpartition(".")
        suffix = dot + suffix.lower()
        if not _CLIP.fullmatch(stem):
            unread[path] = (
                "lies in no place of LRS3's: pretrain, trainval or test/<talk>/<number>.mp4 or .txt"
            )
        elif suffix not in _SUFFIXES:
            unread[path] = f"a clip comes as {' and '.join(_SUFFIXES)}"
        elif clips[stem].setdefault(suffix, path) != path:
            unread[path] = f"the same name as {clips[stem][suffix]}, which is taken"
    if not clips:
        raise CorpusError(_nothing(root, unread))
    rows = []
    for local, held in clips.items():
        transcript = None
        if ".txt" in held:
            transcript, faults = parse((root / held[".txt"]).read_bytes())
            talk = local.split("/")[1]
            if transcript.ref not in (None, talk):
                faults.append(f"Ref is {transcript.ref}, and the folder is {talk}'s")
            if faults:
                unread[held[".txt"]] = f"{len(faults)} fault(s): {listed(faults)}"
        else:
            unread[f"{local}.txt"] = "not here: the clip has no text"
        if ".mp4" not in held:
            unread[f"{local}.mp4"] = "not here: the text has no clip"
        rows.append(_row(corpus, local, held, transcript, stated.language or "en"))
    return Reading(utterance_table(rows), unread_list(unread, droppings))


def local_id(name: str) -> str | None:
    """``trainval/UGtFXtnWME4/50021``, in a folder or not, with an extension or without → the same, bare."""
    bare = re.sub(r"\.(mp4|txt|wav|csv|npy)$", "", name.strip(), flags=re.IGNORECASE)
    local = "/".join(PurePosixPath(bare).parts[-3:])
    return local if _CLIP.fullmatch(local) else None


def parse(document: bytes) -> tuple[Transcript, list[str]]:
    """What a clip's ``.txt`` says, as far as it can be read; and each line that cannot, with its number."""
    stated: dict[str, str] = {}
    frames: list[int] = []
    words: list[Word] = []
    faults: list[str] = []
    part = "stated"
    lines = document.decode("utf-8-sig", errors="replace").split("\n")
    for number, line in enumerate(lines, 1):
        cells = line.split()
        if not cells:
            continue
        if cells[:2] in (["FRAME", "X"], ["WORD", "START"]):  # somebody may say "frame" or "word"
            part = cells[0]
            continue
        try:
            if part == "FRAME":
                frames.append(int(cells[0]))
            elif part == "WORD":
                words.append(Word(cells[0], float(cells[1]), float(cells[2])))
            else:
                key, value = line.split(":", 1)
                stated[key.strip()] = value.strip()
        except (ValueError, IndexError):
            faults.append(f"line {number}: {line.strip()[:60]!r}")
    faults += [f"no {key}" for key in ("Text", "Ref") if not stated.get(key)]
    if not frames:
        faults.append("no FRAME lines: its place in the talk is not known")
    span = (frames[0], frames[-1]) if frames else None
    return Transcript(stated.get("Text") or None, stated.get("Ref") or None, span, tuple(words)), faults


def _row(corpus: str, local: str, held: dict[str, str], transcript: Transcript | None, language: str) -> dict:
    split, talk, _number = local.split("/")
    row = {
        "utterance_id": f"{corpus}/{local}",
        "corpus": corpus,
        "speaker": f"{corpus}/{talk}",
        "session": f"{corpus}/{talk}",
        "video": held.get(".mp4"),
        "language": language,
        "split_official": SPLITS[split],
    }
    if transcript:
        row["text"] = transcript.text
        if transcript.frames:
            first, last = transcript.frames
            row |= {"start_s": first / FPS, "end_s": (last + 1) / FPS}
    return row


def _nothing(root: Path, unread: dict[str, str]) -> str:
    """What to say of a folder that holds no clip in its place."""
    clips = [path for path in unread if _WITHIN.search(path)]
    for above in (root, root.parent):
        if above.name in SPLITS and clips:
            return f"{root} is {above.name}, or within it; give the folder that holds it: {above.parent}"
    inside = {path.parent.name for split in SPLITS for path in root.glob(f"*/{split}") if path.is_dir()}
    if inside:
        return f"{root} holds none of {', '.join(SPLITS)}, but {listed(sorted(inside))} in it does; give that folder"
    held = listed(f"{path} ({reason})" for path, reason in list(unread.items())[:3])
    return f"{root} is not LRS3: no pretrain, trainval or test/<talk>/<number>.mp4 in it" + (
        f"; it holds {held}" if held else "; it is empty"
    )


ADAPTER = Adapter(read=read, local_id=local_id)
