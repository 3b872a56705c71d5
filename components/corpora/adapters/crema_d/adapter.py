"""CREMA-D as in its repository: ``AudioWAV/1001_DFA_ANG_XX.wav``, ``VideoFlash/1001_DFA_ANG_XX.flv``.

Cao, Cooper, Keutmann, Gur, Nenkova & Verma (2014), *CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset*,
IEEE Transactions on Affective Computing 5(4); names, demographics, votes and known faults as the repository's README
gives them. The label is the emotion that the actor was asked for; what raters heard and saw is in ``raters``.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from ....errors import CorpusError, listed
from ....schema import UNSTATED, Layout
from ...adapter_interface import Adapter, Reading, files_below, unread_list, utterance_table
from ...lfs_pointers import pointer
from ...tabular import read_rows
from ..corpus_root import beside, wrong_root
from .votes import ANSWERS, FIRST_ANSWERS, TABULATED, read_votes

LABELS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
SENTENCES = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
INTENSITIES = {"LO": "low", "MD": "normal", "HI": "strong", "XX": None}
ACTORS = range(1001, 1092)
OLDEST = 120
SOUND, FILM, MP3, DEMOGRAPHICS = "AudioWAV", "VideoFlash", "AudioMP3", "VideoDemographics.csv"
READ = DEMOGRAPHICS, ANSWERS, FIRST_ANSWERS, TABULATED
KNOWN_BAD = {
    f"{SOUND}/1076_MTI_SAD_XX.wav": "no sound in it, and very short",
    f"{FILM}/1076_MTI_SAD_XX.flv": "a picture of an error, no sound, and very short",
    f"{FILM}/1076_MTI_NEU_XX.flv": "no sound in it, and very short",
    f"{FILM}/1064_TIE_SAD_XX.flv": "a film of no duration",
    f"{FILM}/1064_IEO_DIS_MD.flv": "a minute long, with every emotion in it",
}
"""The recordings that the README calls faulty."""
_NAME = re.compile(r"(\d{4})_([A-Z]{3})_([A-Z]{3})_(XX?|LO|MD|HI)", re.ASCII)
_SUFFIXES = {SOUND: ".wav", FILM: ".flv"}
_POINTER_SAID = "a Git LFS pointer, not the recording: git lfs pull, or emoflow corpora fetch crema-d"


def read(root: Path, corpus: str = "crema-d", stated: Layout = UNSTATED) -> Reading:
    """The corpus in ``root``: one row a clip that has a recording.

    Raises:
        CorpusError: nothing here is CREMA-D, or its recordings are pointers alone; says what to do.
    """
    paths, droppings = files_below(root)
    media: dict[str, dict[str, str]] = {}
    unread: dict[str, str] = {}
    other: list[str] = []
    mp3s = pointers = 0
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder == MP3:
            mp3s += 1
        elif folder not in _SUFFIXES:
            if name.lower().endswith((".wav", ".flv", ".mp3")):
                unread[path] = f"lies in {folder or 'the root'}, not in {SOUND}/ or {FILM}/"
            elif path not in READ:
                other.append(path)
        elif fault := _fault(folder, name):
            unread[path] = fault
        elif _is_pointer(root / path):
            unread[path] = _POINTER_SAID
            pointers += 1
        elif path in KNOWN_BAD:
            unread[path] = f"faulty as shipped: {KNOWN_BAD[path]}"
        else:
            media.setdefault(_canonical(PurePosixPath(name).stem), {})[folder] = path
    if not media:
        if pointers:
            raise CorpusError(f"{root}: each of the {pointers} recordings here is {_POINTER_SAID}")
        holds = f"{SOUND}/1001_DFA_ANG_XX.wav or the like"
        raise CorpusError(wrong_root(root, title="CREMA-D", holds=holds, layout="crema-d"))
    if mp3s:
        unread[MP3] = f"{mp3s} file(s): the sound that {SOUND} has too, which is taken"
    unread |= beside(other, "not recordings, and not read") | _gaps(media, unread)
    actors = _actors(root, unread)
    votes = read_votes(root, set(media), _canonical, unread)
    table = utterance_table(
        _row(corpus, local, files, actors.get(local[:4], {}), votes) for local, files in media.items()
    )
    return Reading(table, unread_list(unread, droppings))


def local_id(name: str) -> str | None:
    """``VideoFlash/1001_DFA_ANG_XX.flv``, with the folder and the extension or without → ``1001_DFA_ANG_XX``."""
    stem = re.sub(r"\.(wav|flv|mp3|mp4|csv)$", "", name.strip().rpartition("/")[2], flags=re.IGNORECASE)
    return None if _name_fault(stem) else _canonical(stem)


def _is_pointer(path: Path) -> bool:
    try:
        return pointer(path) is not None
    except OSError:  # a link to nothing: validation says so
        return False


def _canonical(stem: str) -> str:
    """One clip is shipped as ``1040_ITH_SAD_X``; the tables of votes call it ``1040_ITH_SAD_XX``."""
    return f"{stem}X" if stem.endswith("_X") else stem


def _row(corpus: str, local: str, files: dict[str, str], person: dict, votes: dict) -> dict:
    actor, sentence, emotion, level = local.split("_")
    return {
        "utterance_id": f"{corpus}/{local}",
        "corpus": corpus,
        "speaker": f"{corpus}/{actor}",
        **person,
        "audio": files.get(SOUND),
        "video": files.get(FILM),
        "text": SENTENCES[sentence],
        "language": "en",
        "label_raw": emotion,
        "label": LABELS[emotion],
        "intensity": INTENSITIES[level],
        "elicitation": "scripted",
        "raters": votes.get(local),
    }


def _gaps(media: dict[str, dict[str, str]], unread: dict[str, str]) -> dict[str, str]:
    """The recordings that a clip lacks where most clips have them."""
    gaps = {}
    for folder, suffix in _SUFFIXES.items():
        missing = [local for local, files in media.items() if folder not in files]
        if 0 < len(missing) < len(media) / 2:
            other = SOUND if folder == FILM else FILM
            reason = f"missing: {other} has this clip"
            gaps |= {f"{folder}/{local}{suffix}": reason for local in missing}
    return {path: reason for path, reason in gaps.items() if path not in unread}


def _actors(root: Path, unread: dict[str, str]) -> dict[str, dict]:
    """The actor → gender and age, as far as they are stated."""
    path = root / DEMOGRAPHICS
    if not path.is_file():
        unread[DEMOGRAPHICS] = "missing: without it the actors' genders and ages are not known"
        return {}
    table = read_rows(path, required=("ActorID", "Sex", "Age"))
    stated = list(zip(table["ActorID"], table["Sex"].str.lower(), table["Age"], strict=True))
    odd = [f"{actor}: {sex}" for actor, sex, _ in stated if sex not in ("female", "male")]
    odd += [f"{actor}: {age}" for actor, _, age in stated if not _is_age(age)]
    if odd:
        unread[DEMOGRAPHICS] = (
            f"sex is Male or Female, age a number of years; they are not of {listed(sorted(odd))}"
        )
    actors: dict[str, dict] = {actor: {} for actor, _, _ in stated}
    for actor, sex, age in stated:
        if sex in ("female", "male"):
            actors[actor]["speaker_gender"] = sex
        if _is_age(age):
            actors[actor]["speaker_age"] = int(age)
    return actors


def _is_age(cell: object) -> bool:
    return isinstance(cell, str) and cell.isdecimal() and int(cell) <= OLDEST


def _fault(folder: str, name: str) -> str | None:
    """Why this file is not a recording of CREMA-D; None where it is one."""
    stem, _, suffix = name.rpartition(".")
    if f".{suffix.lower()}" != _SUFFIXES[folder]:
        return f"{folder} holds {_SUFFIXES[folder]} files"
    return _name_fault(stem)


def _name_fault(stem: str) -> str | None:
    match = _NAME.fullmatch(stem)
    if not match:
        return f"a name is actor, sentence, emotion and level, say 1001_DFA_ANG_XX; this is {stem!r}"
    actor, sentence, emotion, _ = match.groups()
    if int(actor) not in ACTORS:
        return f"actor is {actor}; it must be {ACTORS[0]} to {ACTORS[-1]}"
    for field, value, values in (("sentence", sentence, SENTENCES), ("emotion", emotion, LABELS)):
        if value not in values:
            return f"{field} is {value!r}; it must be one of {', '.join(values)}"
    return None


ADAPTER = Adapter(read=read, local_id=local_id)
