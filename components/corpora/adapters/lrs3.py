"""LRS3, as published by Oxford: clips of TED talks for pre-training, without emotion labels.

Afouras, Chung & Zisserman (2018), *LRS3-TED: a large-scale dataset for visual speech recognition*,
arXiv:1809.00496. ``{pretrain,trainval,test}/<talk>/<number>.mp4`` (224 × 224, 25 frames per second, with its sound)
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

from ...errors import CorpusError, listed
from ...schema import UNSTATED, Layout
from ..adapter_interface import Adapter, Reading, files_below, unread_list, utterance_table
from .corpus_root import wrong_root

SPLITS = {"pretrain": "train", "trainval": "train", "test": "test"}
"""The release's parts → what ``split_official`` calls them."""
FPS = 25
"""The talks' frames per second, by which the second part of a ``.txt`` counts."""
_CLIP = re.compile(r"(pretrain|trainval|test)/([\w-]+)/(\d+)")
_STATED = re.compile(r"\w+:.*\s*")
_FRAME = re.compile(r"\d+(?:[ \t]+-?[\d.]+){4}\s*")
_WORD = re.compile(r"\S+(?:[ \t]+\d+(?:\.\d+)?){2}(?:[ \t]+-?[\d.]+)?\s*")
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
                "is not where LRS3 has files: pretrain, trainval or test/<talk>/<number>.mp4 or .txt"
            )
        elif suffix not in _SUFFIXES:
            unread[path] = f"a clip comes as {' and '.join(_SUFFIXES)}"
        elif clips[stem].setdefault(suffix, path) != path:
            unread[path] = f"the same name as {clips[stem][suffix]}, which is taken"
    if not clips:
        holds = "pretrain, trainval or test/<talk>/<number>.mp4"
        raise CorpusError(wrong_root(root, title="LRS3", holds=holds, layout="lrs3"))
    rows = []
    for local, files in clips.items():
        transcript = None
        if ".txt" in files:
            transcript, faults = parse((root / files[".txt"]).read_bytes())
            talk = local.split("/")[1]
            if transcript.ref not in (None, talk):
                faults.append(f"Ref is {transcript.ref}, and the folder is {talk}'s")
            if faults:
                unread[files[".txt"]] = f"{len(faults)} fault(s): {listed(faults)}"
        else:
            unread[f"{local}.txt"] = "missing: the clip has no text"
        if ".mp4" not in files:
            unread[f"{local}.mp4"] = "missing: the text has no clip"
        rows.append(_row(corpus, local, files, transcript, stated.language or "en"))
    return Reading(utterance_table(rows), unread_list(unread, droppings))


def local_id(name: str) -> str | None:
    """``trainval/UGtFXtnWME4/50021``, in a folder or not, with an extension or without → the same, bare."""
    bare = re.sub(r"\.(mp4|txt|wav|csv|npy)$", "", name.strip(), flags=re.IGNORECASE)
    local = "/".join(PurePosixPath(bare).parts[-3:])
    return local if _CLIP.fullmatch(local) else None


def parse(document: bytes) -> tuple[Transcript, list[str]]:
    """What a clip's ``.txt`` says, as far as it can be read; and each line that cannot, with its number."""
    text = document.decode("utf-8-sig", errors="replace")
    head, pictures, words = _parts(text)
    faults: list[str] = []
    stated = {}
    for line in _rows(text, head, _STATED, faults):
        key, _colon, value = line.partition(":")
        stated[key] = value.strip()
    frames = _rows(text, pictures, _FRAME, faults, cells=5)
    cells = [line.split() for line in _rows(text, words, _WORD, faults)]
    faults += [f"no {key}" for key in ("Text", "Ref") if not stated.get(key)]
    if "\ufffd" in text:
        faults.append("holds bytes that are not UTF-8")
    if not frames:
        faults.append("no FRAME lines: its place in the talk is not known")
    span = (int(frames[0].split()[0]), int(frames[-1].split()[0])) if frames else None
    timed_words = tuple(Word(word, float(start), float(end)) for word, start, end, *_ in cells)
    return Transcript(stated.get("Text") or None, stated.get("Ref") or None, span, timed_words), faults


def _parts(text: str) -> tuple[str, str, str]:
    """What stands before the pictures, of the pictures, and of the words; their headings left out."""
    pictures, words = _heading(text, "FRAME", "X"), _heading(text, "WORD", "START")
    ends = words[0] if words else len(text)
    return (
        text[: pictures[0] if pictures else ends],
        text[pictures[1] : ends] if pictures else "",
        text[words[1] :] if words else "",
    )


def _heading(text: str, first: str, second: str) -> tuple[int, int] | None:
    """Where the line is that begins with these two; somebody may well say the first of them."""
    at = text.find(f"\n{first}")
    while at >= 0:
        end = text.find("\n", at + 1)
        end = len(text) if end < 0 else end
        if text[at:end].split()[:2] == [first, second]:
            return at, end
        at = text.find(f"\n{first}", end)
    return None


def _rows(
    text: str, part: str, form: re.Pattern, faults: list[str], *, cells: int | None = None
) -> list[str]:
    """A part's lines that have this form; the others are added to ``faults``.

    Args:
        cells: where every line has as many, only the first line and the last are looked at closely, and are all that
            may be relied on: a clip has hundreds of pictures, and there are 150,000 clips.
    """
    lines = [line for line in part.split("\n") if line and not line.isspace()]
    regular = bool(cells and lines) and len(part.split()) == cells * len(lines)
    if regular and form.fullmatch(lines[0]) and form.fullmatch(lines[-1]):
        return lines
    strange = {line for line in lines if not form.fullmatch(line)}
    if strange:
        every = enumerate(text.split("\n"), 1)
        faults += [f"line {number}: {line.strip()[:60]!r}" for number, line in every if line in strange]
    return [line for line in lines if line not in strange]


def _row(
    corpus: str, local: str, files: dict[str, str], transcript: Transcript | None, language: str
) -> dict:
    split, talk, _number = local.split("/")
    row = {
        "utterance_id": f"{corpus}/{local}",
        "corpus": corpus,
        "speaker": f"{corpus}/{talk}",
        "session": f"{corpus}/{talk}",
        "video": files.get(".mp4"),
        "language": language,
        "split_official": SPLITS[split],
    }
    if transcript:
        row["text"] = transcript.text
        if transcript.frames:
            first, last = transcript.frames
            row |= {"start_s": first / FPS, "end_s": (last + 1) / FPS}
    return row


ADAPTER = Adapter(read=read, local_id=local_id)
