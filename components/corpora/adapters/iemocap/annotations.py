"""IEMOCAP's annotation files of a dialogue: emotion labels (EmoEvaluation) and transcriptions.

A line of the one that begins a turn, and its raters' lines (C: categories, A: attributes; E: evaluators, F and M:
the actors of themselves)::

    [6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]
    C-E2:	Neutral;	()
    A-E3:	val 3; act 2; dom  2;	()

The brackets at the end hold valence, activation and dominance, 1 to 5. A line of the other::

    Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
"""

import re
from dataclasses import dataclass, field

RATED = {
    "neutral": "neutral",
    "anger": "anger",
    "happiness": "happiness",
    "excited": "excitement",
    "sadness": "sadness",
    "frustration": "frustration",
    "fear": "fear",
    "surprise": "surprise",
    "disgust": "disgust",
}
"""A rater's word → the field's common word; what is not here (``other``) stays the rater's."""

_NUMBER = r"-?\d+(?:\.\d+)?"
_TURN = re.compile(
    rf"\[\s*({_NUMBER})\s*-\s*({_NUMBER})\s*\]\s+(\S+)\s+(\S+)\s+"
    rf"\[\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\]"
)
_RATER = re.compile(r"(C-\w+):([^()]*)(?:\(.*)?")
_WORDS = re.compile(rf"(\S+)\s+\[({_NUMBER})-({_NUMBER})\]:\s*(.*)")
_WORDS_AT_LEAST = re.compile(rf"(Ses\w+)\s+(?:\[\s*)?({_NUMBER})\s*-\s*({_NUMBER})\s*(?:\]\s*)?(?::\s*)?(.*)")
"""A bracket or the colon may be missing: the words are there all the same."""


@dataclass(frozen=True)
class Turn:
    """An utterance as it was rated: ``scales`` are valence, activation and dominance, 1 to 5."""

    line: int
    start_s: float
    end_s: float
    code: str
    scales: tuple[float, float, float]
    raters: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Words:
    """An utterance as it was written down."""

    line: int
    start_s: float
    end_s: float
    text: str


def turns(document: bytes) -> tuple[dict[str, Turn], list[str]]:
    """Utterance → its turn, of one dialogue; and each line that is not part of one, with its number."""
    found: dict[str, Turn] = {}
    faults: list[str] = []
    turn = None
    for number, line in _lines(document):
        if line.startswith(("%", "A-")):
            continue
        if line.startswith("["):
            match = _TURN.fullmatch(line)
            turn = None
            if match is None:
                faults.append(f"line {number}: no turn is written so: {line[:60]!r}")
                continue
            begin, end, name, code, *scales = match.groups()
            turn = Turn(number, float(begin), float(end), code, tuple(float(scale) for scale in scales))
            if name in found:
                faults.append(
                    f"line {number}: {name} is rated a second time; line {found[name].line} is taken"
                )
            else:
                found[name] = turn
            continue
        match = _RATER.fullmatch(line)
        labels = [word.strip().lower() for word in match[2].split(";") if word.strip()] if match else []
        if not labels:
            faults.append(f"line {number}: no rater's labels: {line[:60]!r}")
        elif turn is None:
            faults.append(f"line {number}: a rater's labels of no turn")
        else:
            turn.raters.setdefault(match[1], []).extend(RATED.get(word, word) for word in labels)
    return found, faults


def transcripts(document: bytes) -> tuple[dict[str, Words], list[str]]:
    """Utterance → its words, of one dialogue; and each line that is not written as it should, with its number."""
    found: dict[str, Words] = {}
    faults: list[str] = []
    for number, line in _lines(document):
        match = _WORDS.fullmatch(line)
        if match is None:
            match = _WORDS_AT_LEAST.fullmatch(line)
            outcome = "read all the same" if match else "left out"
            faults.append(f"line {number}: malformed, {outcome}: {line[:60]!r}")
            if match is None:
                continue
        name, begin, end, text = match.groups()
        if "\ufffd" in text:
            faults.append(
                f"line {number}: holds a byte that is not a letter, neither in UTF-8 nor in Windows-1252"
            )
        if name in found:
            faults.append(f"line {number}: {name} is written a second time; line {found[name].line} is taken")
        else:
            found[name] = Words(number, float(begin), float(end), text.strip())
    return found, faults


def _lines(document: bytes) -> list[tuple[int, str]]:
    """The lines that hold something, numbered from 1. Old Windows' letters are read where it is not UTF-8."""
    try:
        text = document.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = document.decode("cp1252", errors="replace")
    return [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
