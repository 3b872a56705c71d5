"""Guessing the pattern of a folder's file names: which part of a name is the speaker, and which the label.

A guess is for the user to judge. Without one, the speakers of ``LABEL/S1_x.wav`` stay unknown, and folds by speaker
cannot be made.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import labels
from .media_files import medium_of

DELIMITERS = "_-. "
_LEAST_FILES = 4
_NUMBERS = 4
"""The rank of values that are numbers alone; of short ones, which are the least like speakers, one more."""
_PREFIXES = {
    *(
        "s",
        "sp",
        "spk",
        "spkr",
        "speaker",
        "talker",
        "actor",
        "a",
        "sub",
        "subj",
        "subject",
        "p",
        "pp",
        "part",
    ),
    *("participant", "id", "u", "user", "vp", "vpn", "proband", "m", "f"),
}
"""What stands before the number of a speaker in many corpora."""


@dataclass(frozen=True)
class Guess:
    """What the names of a folder's files seem to mean.

    Attributes:
        pattern: as ``layouts.<corpus>.pattern`` of params.yaml takes it.
        speakers: the names of the speakers that it finds, sorted.
        example: a path, and the fields that the pattern finds in it.
    """

    pattern: str
    speakers: tuple[str, ...]
    example: tuple[str, Mapping[str, str]]


def guess(paths: Sequence[str], stated: Mapping[str, str]) -> Guess | None:
    """Which part of the files' names is the speaker.

    A part is taken for the speaker if it is there in every name, has several values, and each of them comes with
    several labels. Where the values are numbers alone, which may as well count recordings, one of them also has to come
    with several recordings of one label. Of several such parts, one like ``S01`` goes first, then words, of which the
    fewest, then numbers, of which the most.

    Args:
        paths: of a corpus's files, relative to its root.
        stated: ``layouts.<corpus>.labels`` of params.yaml.

    Returns:
        The guess; None where no part is like a speaker.
    """
    recordings = sorted(path for path in paths if medium_of(path) in ("audio", "video"))
    depths = {path.count("/") for path in recordings}
    if len(recordings) < _LEAST_FILES or len(depths) != 1 or not depths <= {0, 1}:
        return None
    found = []
    for delimiter in DELIMITERS:
        names = [posixpath.splitext(posixpath.basename(path))[0].split(delimiter) for path in recordings]
        columns = list(zip(*names, strict=False))  # as many parts as the shortest name has
        if len(columns) < 2:
            continue
        if depths == {1}:
            label_at, words = None, tuple(posixpath.dirname(path) for path in recordings)
        else:
            label_at = _label_column(columns, stated)
            if label_at is None:
                continue
            words = columns[label_at]
        found += [
            (_rank(values), _count(values), at, delimiter, label_at, max(map(len, names)))
            for at, values in enumerate(columns)
            if at != label_at and _crosses(values, words)
            if _rank(values) < _NUMBERS or _repeats(values, words)
        ]
    if not found:
        return None
    _, _, at, delimiter, label_at, count = min(found, key=lambda each: each[:3])
    pattern = _pattern(at, delimiter, label_at, count)
    matches = [re.fullmatch(pattern, path) for path in recordings]
    return Guess(
        pattern,
        tuple(sorted({match["speaker"] for match in matches})),
        (recordings[0], matches[0].groupdict()),
    )


def _label_column(columns: Sequence[Sequence[str]], stated: Mapping[str, str]) -> int | None:
    """The first part of a flat folder's names whose values are all emotions."""
    return next(
        (
            at
            for at, values in enumerate(columns)
            if len(set(values)) > 1 and all(labels.label_of(each, stated) for each in set(values))
        ),
        None,
    )


def _crosses(values: Sequence[str], words: Sequence[str]) -> bool:
    """Whether there are several values, and each comes with several labels."""
    seen = defaultdict(set)
    for value, word in zip(values, words, strict=True):
        seen[value].add(word)
    return len(seen) > 1 and "" not in seen and all(len(with_) > 1 for with_ in seen.values())


def _repeats(values: Sequence[str], words: Sequence[str]) -> bool:
    """Whether a value comes with one label more than once."""
    return len(set(zip(values, words, strict=True))) < len(values)


def _rank(values: Sequence[str]) -> int:
    """How much like the names of speakers these are: 0 is the most."""
    split = [re.fullmatch(r"([^\W\d_]*)(\d*)", value) for value in set(values)]
    if not all(split):
        return 3
    prefixes = {match[1].casefold() for match in split}
    if all(match[2] for match in split) and prefixes != {""}:
        return 0 if prefixes <= _PREFIXES else 1
    if all(len(match[1]) > 1 and not match[2] for match in split):
        return 2
    return _NUMBERS if all(len(value) > 2 for value in set(values)) else _NUMBERS + 1


def _count(values: Sequence[str]) -> int:
    """By which parts of one rank are put in order: of words the fewest first, of numbers the most."""
    many = len(set(values))
    return -many if _rank(values) >= _NUMBERS else many


def _pattern(at: int, delimiter: str, label_at: int | None, count: int) -> str:
    part = f"[^/{re.escape(delimiter) if delimiter == '-' else delimiter}]+"
    named = {at: f"(?P<speaker>{part})"} | ({} if label_at is None else {label_at: f"(?P<label>{part})"})
    parts = [named.get(place, part) for place in range(max(named) + 1)]
    folder = "(?P<label>[^/]+)/" if label_at is None else ""
    rest = r"\.[^/.]+" if len(parts) == count else f"{re.escape(delimiter)}[^/]*"
    return folder + re.escape(delimiter).join(parts) + rest
