"""IEMOCAP's folders and file names: what each file is, and which are not used."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

SESSIONS = tuple(f"Session{number}" for number in range(1, 6))
UTTERANCE = re.compile(
    r"(?P<dialogue>Ses(?P<session>0[1-5])(?P<wearer>[FM])_(?:impro|script)\d\d(?:_\d)?[a-z]?)"
    r"_(?P<talker>[FM])(?:XX)?\d+"
)
"""``Ses01F_impro01_M003``: said by the man, in the first improvisation of session 1 with markers on the woman."""

_PLACES = {
    ("sentences", "wav"): ("sounds", 5, (".wav",)),
    ("sentences", "avi"): ("cuts", 5, (".mp4", ".avi", ".mkv", ".mov")),
    ("dialog", "avi"): ("films", 5, (".avi",)),
    ("dialog", "EmoEvaluation"): ("labels", 4, (".txt",)),
    ("dialog", "transcriptions"): ("transcripts", 4, (".txt",)),
}
"""Where in a session each kind of file lies, how many parts its path has, and what it ends in."""
_UNUSED = {
    "sentences/ForcedAlignment": "when each word and sound is spoken",
    "sentences/MOCAP_hand": "motion capture",
    "sentences/MOCAP_head": "motion capture",
    "sentences/MOCAP_rotated": "motion capture",
    "dialog/MOCAP_hand": "motion capture",
    "dialog/MOCAP_head": "motion capture",
    "dialog/MOCAP_rotated": "motion capture",
    "dialog/lab": "the turns' times, which EmoEvaluation has too",
    "dialog/wav": "whole dialogues, whose turns are in sentences/wav",
    "dialog/EmoEvaluation/Attribute": "single raters' scales; the dialogue's own file has their means",
    "dialog/EmoEvaluation/Categorical": "single raters' labels, which the dialogue's own file has too",
    "dialog/EmoEvaluation/Self-evaluation": "the actors' own ratings, whose labels the dialogue's file has too",
}
"""Folders of a session that the release has and that are not read."""


@dataclass(frozen=True)
class Files:
    """Paths in the corpus's root, by utterance (sounds, cuts) or by dialogue (films, labels, transcripts)."""

    sounds: dict[str, str] = field(default_factory=dict)
    cuts: dict[str, str] = field(default_factory=dict)
    films: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    transcripts: dict[str, str] = field(default_factory=dict)


def dialogue_of(utterance: str) -> str:
    """``Ses01F_impro01_F000`` → ``Ses01F_impro01``."""
    return utterance.rpartition("_")[0]


def session_of(name: str) -> str:
    """``Ses01F_impro01``, or an utterance of it → ``Session1``."""
    return f"Session{int(name[3:5])}"


def sorted_out(paths: list[str]) -> tuple[Files, dict[str, str]]:
    """What there is of each kind; and what is of none, or not used, with the reason."""
    files = Files()
    unread: dict[str, str] = {}
    unused: dict[str, int] = defaultdict(int)
    for path in paths:
        parts = path.split("/")
        folders = ("/".join(parts[1:3]), "/".join(parts[1:4]))
        if parts[0] not in SESSIONS:
            unread[path] = f"lies in none of {SESSIONS[0]} to {SESSIONS[-1]}"
            continue
        folder = next((each for each in folders if each in _UNUSED), None)
        if folder:
            unused[folder] += 1
            continue
        fault = _fault(parts)
        if fault is None:
            by_stem = getattr(files, _PLACES[parts[1], parts[2]][0])
            stem = parts[-1].rpartition(".")[0]
            if by_stem.setdefault(stem, path) != path:
                fault = f"the same name as {by_stem[stem]}, which is taken"
        if fault:
            unread[path] = fault
    for folder, count in unused.items():
        unread[f"Session*/{folder}"] = f"{count} file(s) that are not used: {_UNUSED[folder]}"
    return files, unread


def _fault(parts: list[str]) -> str | None:
    """Why a session's file cannot be what its folder is for; None where it is."""
    kind, depth, suffixes = _PLACES.get(tuple(parts[1:3]), ("", 0, ()))
    if len(parts) != depth:
        return "has no place in IEMOCAP's layout"
    stem, dot, suffix = parts[-1].rpartition(".")
    if dot + suffix.lower() not in suffixes:
        return f"{kind} end in {' or '.join(suffixes)}"
    whole = kind in ("films", "labels", "transcripts")
    name = UTTERANCE.fullmatch(f"{stem}_F0" if whole else stem)
    if name is None:
        shown = "a dialogue, such as Ses01F_impro01" if whole else "an utterance, such as Ses01F_impro01_F000"
        return f"no name of {shown}"
    if not whole and parts[3] != name["dialogue"]:
        return f"lies in {parts[3]}, and is of the dialogue {name['dialogue']}"
    if session_of(stem) != parts[0]:
        return f"lies in {parts[0]}, and is of {session_of(stem)}"
    return None
