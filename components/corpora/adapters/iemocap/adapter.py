"""IEMOCAP as published by USC: five sessions of two actors, dialogues segmented into turns.

Busso et al. (2008), *IEMOCAP: Interactive emotional dyadic motion capture database*, Language Resources and
Evaluation 42(4). What is read of ``SessionN/``::

    sentences/wav/<dialogue>/<utterance>.wav     the sound
    sentences/avi/<dialogue>/<utterance>.mp4     the talker's picture, where somebody has cut it; taken first
    dialog/avi/DivX/<dialogue>.avi               both actors side by side; an utterance is a cut of it
    dialog/EmoEvaluation/<dialogue>.txt          times, labels, every rater's labels
    dialog/transcriptions/<dialogue>.txt         words

The talker is the letter before an utterance's number, not the one of its session: that one wore the markers.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Literal

from ....errors import CorpusError, listed
from ....schema import UNSTATED, Layout
from ...adapter_interface import Adapter, Reading, files_below, unread_list, utterance_table
from ..corpus_root import wrong_root
from .annotations import Turn, Words, transcripts, turns
from .files import SESSIONS, UTTERANCE, Files, dialogue_of, session_of, sorted_out

LABELS = {
    "ang": "anger",
    "hap": "happiness",
    "exc": "excitement",
    "sad": "sadness",
    "neu": "neutral",
    "fru": "frustration",
    "fea": "fear",
    "sur": "surprise",
    "dis": "disgust",
    "oth": None,
    "xxx": None,
}
"""The label's code → the field's common word; ``oth`` is another emotion, ``xxx`` says that no majority agreed."""
GENDERS = {"F": "female", "M": "male"}
FILM_TOO_SHORT = frozenset(
    (
        "Ses01F_impro04_M036", "Ses01F_script02_1_M044", "Ses01F_script03_1_F031", "Ses01M_impro02_F021",
        "Ses01M_impro04_M025", "Ses01M_script02_1_F024", "Ses02F_script01_1_F044", "Ses02F_script01_2_M018",
        "Ses02F_script02_2_M046", "Ses02M_script02_2_F046", "Ses03F_impro01_F011", "Ses03F_impro01_M011",
        "Ses03F_impro06_FXX1", "Ses03M_impro04_M041", "Ses03M_impro07_F023", "Ses03M_impro07_M026",
        "Ses04F_impro05_M024", "Ses04M_script02_1_F021",
    )
)  # fmt: skip
"""The release's utterances whose dialogue's film ends before them: AV-SUPERB's list (Tseng et al. 2024)."""


def read(root: Path, corpus: str = "iemocap", stated: Layout = UNSTATED) -> Reading:
    """The corpus in ``root``: one row an utterance that was recorded or labelled.

    What was not labelled has no label, what was not recorded has no sound; both are listed.

    Raises:
        CorpusError: nothing here is IEMOCAP; says which folder looks like it.
    """
    paths, droppings = files_below(root)
    files, unread = sorted_out(paths)
    if not (files.sounds or files.labels):
        holds = "SessionN/sentences/wav and no SessionN/dialog/EmoEvaluation"
        raise CorpusError(wrong_root(root, title="IEMOCAP", holds=holds, layout="iemocap"))
    faults: dict[str, list[str]] = defaultdict(list)
    rated = _parsed(root, files.labels, turns, faults)
    written = _parsed(root, files.transcripts, transcripts, faults)
    _check(files, rated, written, faults)
    rows = []
    for local in sorted(files.sounds.keys() | rated.keys()):
        row = _row(corpus, local, rated.get(local), written.get(local), stated.language or "en")
        rows.append(row | {"audio": files.sounds.get(local), "video": _video(files, local, row, faults)})
    _number_turns(rows)
    unread |= _gaps(files, rated)
    unread |= {path: f"{len(lines)} fault(s): {listed(lines)}" for path, lines in faults.items()}
    return Reading(utterance_table(rows), unread_list(unread, droppings))


def half(utterance_id: str) -> Literal["left", "right"]:
    """Which half of the dialogue's film shows the talker: the left one shows who wears the markers.

    Args:
        utterance_id: of IEMOCAP, with the corpus's name before it or without.

    Raises:
        ValueError: it is not the name of an utterance of IEMOCAP.
    """
    name = UTTERANCE.fullmatch(utterance_id.rpartition("/")[2])
    if name is None:
        raise ValueError(f"{utterance_id!r} is not an utterance of IEMOCAP, such as Ses01F_impro01_F000")
    return "left" if name["wearer"] == name["talker"] else "right"


def local_id(name: str) -> str | None:
    """``Ses01F_impro01_F000``, with folders and an extension or without → ``Ses01F_impro01_F000``."""
    stem = re.sub(r"\.(wav|mp4|avi|csv|npy)$", "", PurePosixPath(name.strip()).name, flags=re.IGNORECASE)
    return stem if UTTERANCE.fullmatch(stem) else None


def _parsed(root: Path, paths: dict[str, str], parse: Callable, faults: dict[str, list[str]]) -> dict:
    """Utterance → what the documents of all dialogues say of it."""
    located = {}
    for dialogue, path in paths.items():
        found, amiss = parse((root / path).read_bytes())
        for local, each in found.items():
            if UTTERANCE.fullmatch(local) and dialogue_of(local) == dialogue:
                located[local] = each
            else:
                amiss.append(f"line {each.line}: {local!r} is not an utterance of this dialogue")
        if amiss:
            faults[path] += amiss
    return located


def _row(corpus: str, local: str, turn: Turn | None, words: Words | None, language: str) -> dict:
    name = UTTERANCE.fullmatch(local)
    session = f"{corpus}/Ses{name['session']}"
    row = {
        "utterance_id": f"{corpus}/{local}",
        "corpus": corpus,
        "speaker": session + name["talker"],
        "speaker_gender": GENDERS[name["talker"]],
        "session": session,
        "dialogue": f"{corpus}/{name['dialogue']}",
        "elicitation": "scripted" if "_script" in local else "improvised",
        "text": (words.text or None) if words else None,
        "language": language,
    }
    timed = turn or words
    if timed:
        row |= {"start_s": timed.start_s, "end_s": timed.end_s}
    if turn:
        valence, arousal, dominance = ((scale - 3) / 2 for scale in turn.scales)
        row |= {
            "label_raw": turn.code,
            "label": LABELS.get(turn.code),
            "valence": valence,
            "arousal": arousal,
            "dominance": dominance,
            "raters": json.dumps(turn.raters, sort_keys=True) if turn.raters else None,
        }
    return row


def _video(files: Files, local: str, row: dict, faults: dict[str, list[str]]) -> str | None:
    """A picture of its own, else a cut of the dialogue's film."""
    own = files.cuts.get(local)
    film = files.films.get(dialogue_of(local))
    start, end = row.get("start_s"), row.get("end_s")
    if own or film is None or start is None:
        return own
    if local in FILM_TOO_SHORT:
        faults[film].append(f"it is known to end before {local}")
        return None
    if not 0 <= start < end:
        faults[film].append(f"{local} cannot be cut out of it, from {start} to {end} s")
        return None
    left = 0 if half(local) == "left" else 50
    return f"{film}#t={start},{end}&xywh=percent:{left},0,50,100"


def _number_turns(rows: list[dict]) -> None:
    """``turn``: the place in the dialogue by when it begins, of utterances whose time is known."""
    timed = [row for row in rows if row.get("start_s") is not None]
    place: dict[str, int] = defaultdict(int)
    for row in sorted(timed, key=lambda row: (row["dialogue"], row["start_s"], row["utterance_id"])):
        row["turn"] = place[row["dialogue"]]
        place[row["dialogue"]] += 1


def _check(
    files: Files, rated: dict[str, Turn], written: dict[str, Words], faults: dict[str, list[str]]
) -> None:
    """Add what the documents say that cannot be, or of utterances that are not here."""
    for local, turn in rated.items():
        problems = []
        if turn.code not in LABELS:
            problems.append(f"no label of IEMOCAP's is {turn.code!r}")
        if turn.end_s <= turn.start_s:
            problems.append(f"{local} ends before it begins, {turn.start_s} to {turn.end_s} s")
        if not all(1 <= scale <= 5 for scale in turn.scales):
            problems.append(f"{local} is rated {turn.scales}, outside 1 to 5")
        if problems:
            faults[files.labels[dialogue_of(local)]] += [f"line {turn.line}: {each}" for each in problems]
    for local in sorted(written.keys() - rated.keys() - files.sounds.keys()):
        problem = f"line {written[local].line}: {local} was neither recorded nor labelled, left out"
        faults[files.transcripts[dialogue_of(local)]].append(problem)
    for local in sorted((rated.keys() | files.sounds.keys()) - written.keys()):
        if dialogue_of(local) in files.transcripts:
            faults[files.transcripts[dialogue_of(local)]].append(f"{local} is left out")


def _gaps(files: Files, rated: dict[str, Turn]) -> dict[str, str]:
    """What belongs to the release, or to what is here of it, and is not here."""
    gaps = {}
    known = sorted(rated.keys() | files.sounds.keys())
    here = sorted({session_of(local) for local in known})
    for session in SESSIONS:
        if session not in here:
            gaps[session] = f"missing: {len(here)} of {len(SESSIONS)} sessions are ({listed(here)})"
    for dialogue in sorted({dialogue_of(local) for local in known}):
        within = f"{session_of(dialogue)}/dialog"
        if dialogue not in files.labels:
            gaps[f"{within}/EmoEvaluation/{dialogue}.txt"] = "missing: this dialogue has no labels"
        if dialogue not in files.transcripts:
            gaps[f"{within}/transcriptions/{dialogue}.txt"] = "missing: this dialogue has no text"
    heard = {dialogue_of(local) for local in files.sounds}
    for local in known:
        dialogue = dialogue_of(local)
        if local not in rated and dialogue in files.labels:
            gaps[files.sounds[local]] = "recorded, and EmoEvaluation has no such turn: it has no label"
        if local not in files.sounds:
            folder = f"{session_of(local)}/sentences/wav/{dialogue}"
            if dialogue in heard:
                gaps[f"{folder}/{local}.wav"] = "missing: labelled, and not recorded"
            else:
                gaps[folder] = "missing: no utterance of this dialogue is recorded"
    for local in sorted(files.cuts.keys() - set(known)):
        gaps[files.cuts[local]] = "a picture of what was neither recorded nor labelled"
    return gaps


ADAPTER = Adapter(read=read, local_id=local_id)
