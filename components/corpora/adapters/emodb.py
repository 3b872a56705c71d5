"""EmoDB as published (download.zip): ``wav/03a01Fa.wav`` = speaker, text, emotion, version.

Burkhardt, Paeschke, Rolfes, Sendlmeier & Weiss (2005), *A database of German emotional speech*, Interspeech. The
letter of the emotion is that of its German word. Which letters of the versions are there says nothing: takes that
listeners did not recognise were left out.
"""

from __future__ import annotations

import re
from pathlib import Path

from ...errors import CorpusError
from ...schema import UNSTATED, Layout
from ..adapter_interface import Adapter, Reading, files_below, unread_list, utterance_table
from .corpus_root import beside, wrong_root

SPEAKERS = {
    "03": ("male", 31), "08": ("female", 34), "09": ("female", 21), "10": ("male", 32), "11": ("male", 26),
    "12": ("male", 30), "13": ("female", 32), "14": ("female", 35), "15": ("male", 25), "16": ("female", 31),
}  # fmt: skip
"""Gender and age, as the corpus's documentation states them."""
SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
LABELS = {
    "W": ("Wut", "anger"),
    "L": ("Langeweile", "boredom"),
    "E": ("Ekel", "disgust"),
    "A": ("Angst", "fear"),
    "F": ("Freude", "happiness"),
    "T": ("Trauer", "sadness"),
    "N": ("neutral", "neutral"),
}
"""The letter → EmoDB's word, and the field's common word."""
FOLDER = "wav"
_NAME = re.compile(r"(\d\d)([ab]\d\d)([A-Z])([a-z]?)")


def read(root: Path, corpus: str = "emodb", stated: Layout = UNSTATED) -> Reading:
    """The corpus in ``root``: one row a clip.

    Raises:
        CorpusError: nothing here is EmoDB; says which folder looks like it.
    """
    paths, droppings = files_below(root)
    rows, other, unread = [], [], {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if not name.lower().endswith(".wav"):
            other.append(path)
        elif fault := _fault(folder, name):
            unread[path] = fault
        else:
            rows.append(_row(corpus, path, name.rpartition(".")[0]))
    if not rows:
        raise CorpusError(
            wrong_root(root, title="EmoDB", holds="wav/03a01Fa.wav or the like", layout="emodb")
        )
    unread |= beside(other, "not recordings (.wav), and not read")
    return Reading(utterance_table(rows), unread_list(unread, droppings))


def local_id(name: str) -> str | None:
    """``wav/03a01Fa.wav``, with the folder and the extension or without → ``03a01Fa``."""
    stem = re.sub(r"\.(wav|csv|txt)$", "", name.strip().rpartition("/")[2], flags=re.IGNORECASE)
    return None if _name_fault(stem) else stem


def _row(corpus: str, path: str, local: str) -> dict:
    speaker, text, letter, _version = _NAME.fullmatch(local).groups()
    raw, label = LABELS[letter]
    gender, age = SPEAKERS[speaker]
    return {
        "utterance_id": f"{corpus}/{local}",
        "corpus": corpus,
        "speaker": f"{corpus}/{speaker}",
        "speaker_gender": gender,
        "speaker_age": age,
        "audio": path,
        "text": SENTENCES[text],
        "language": "de",
        "label_raw": raw,
        "label": label,
        "elicitation": "scripted",
    }


def _fault(folder: str, name: str) -> str | None:
    """Why this file is not a recording of EmoDB; None where it is one."""
    lies = None if folder == FOLDER else f"lies in {folder or 'the root'}, not in {FOLDER}/"
    return _name_fault(name.rpartition(".")[0]) or lies


def _name_fault(stem: str) -> str | None:
    match = _NAME.fullmatch(stem)
    if not match:
        return f"a name is speaker, text, emotion and version, say 03a01Fa; this is {stem!r}"
    speaker, text, letter, _ = match.groups()
    for field, value, values in (
        ("speaker", speaker, SPEAKERS),
        ("text", text, SENTENCES),
        ("emotion", letter, LABELS),
    ):
        if value not in values:
            return f"{field} is {value!r}; it must be one of {', '.join(values)}"
    return None


ADAPTER = Adapter(read=read, local_id=local_id)
