"""Examines the files of a corpus: present or not, decodable or not, duration, sample rate, fingerprint.

Every recording is decoded once, since a header says nothing of silence, NaN or a torn end. What cannot be used is
kept with its reason; downstream it is a missing modality.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..errors import MediaError
from ..progress import track
from ..schema import file_of

if TYPE_CHECKING:
    import pandas as pd

THERE, EMPTY, MISSING, OUTSIDE = "there", "0 bytes", "missing", "outside the corpus"
NO_SOUND = "no sound track"

COLUMNS = {
    "audio_file": "str",  # there, 0 bytes, missing, outside the corpus; null where the table names none
    "video_file": "str",
    "audio_reason": "str",  # why it cannot be used; null where it can, or where there is none
    "face_reason": "str",
    "text_reason": "str",
    "audio_state": "str",  # usable, unusable; null where the utterance has none
    "face_state": "str",
    "text_state": "str",
    "rate": "float64",  # of the sound, in Hz
    "channels": "float64",
    "duration_s": "float64",  # of the sound, or of the pictures where there is no sound
    "audio_fingerprint": "str",  # what the recording is known by after another encoding; null where too little is there
    "face_fingerprint": "str",
}
MODALITIES = ("audio", "face", "text")


@dataclass(frozen=True)
class _Sound:
    reason: str | None
    rate: float | None = None
    channels: float | None = None
    duration_s: float | None = None
    fingerprint: str | None = None


@dataclass(frozen=True)
class _Pictures:
    reason: str | None
    duration_s: float | None = None
    fingerprint: str | None = None


@dataclass(frozen=True)
class _File:
    """What one file is; only what its rows ask for is looked at."""

    place: str
    sound: _Sound | None
    pictures: _Pictures | None


def gather(table: pd.DataFrame, root: Path, *, workers: int) -> pd.DataFrame:
    """The table's rows with the columns of ``COLUMNS``, gathered from the files beneath ``root``.

    The sound of an utterance is its ``audio`` file, or the sound track of its ``video`` where it has none. What
    several rows name is decoded once. Threads do the work: decoders release Python's lock, and nothing is left
    behind when the process is killed.
    """
    import pandas as pd

    sounding = table["audio"].fillna(table["video"]).rename("sound")
    asked: dict[str, tuple[bool, bool]] = {path: (True, False) for path in sounding.dropna().unique()}
    asked |= {path: (path in asked, True) for path in table["video"].dropna().unique()}
    with ThreadPoolExecutor(workers) as pool:
        try:
            looks = pool.map(lambda path: _look(path, root, *asked[path]), asked)
            files = dict(zip(asked, track(looks, total=len(asked), what="recordings"), strict=True))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    wordless = {text: _text(text) for text in table["text"].dropna().unique()}
    named = zip(
        *(
            [None if pd.isna(value) else value for value in column]
            for column in (table["audio"], table["video"], table["text"])
        ),
        strict=True,
    )
    found = [_row(*row, files, wordless) for row in named]
    facts = pd.DataFrame(found, columns=list(COLUMNS), index=table.index).astype(COLUMNS)
    return pd.concat([table, facts], axis=1)


def excluded(facts: pd.DataFrame) -> list[dict[str, str]]:
    """What cannot be used, by utterance and modality: ``{"utterance_id", "modality", "reason"}``."""
    return [
        {
            "utterance_id": str(row.utterance_id),
            "modality": modality,
            "reason": getattr(row, f"{modality}_reason"),
        }
        for row in facts.sort_values("utterance_id").itertuples()
        for modality in MODALITIES
        if isinstance(getattr(row, f"{modality}_reason"), str)
    ]


def recorded(facts: pd.DataFrame) -> dict[str, int]:
    """How many utterances have a recording of each modality, usable or not; a silent film's missing sound is none."""
    return {modality: int(facts[f"{modality}_state"].notna().sum()) for modality in MODALITIES}


def unusable(facts: pd.DataFrame, *, with_features: set[str]) -> list[str]:
    """The utterances of which nothing is left: no modality that can be used.

    Args:
        with_features: utterances of which a feature table came along; these have something left.
    """
    states = facts[[f"{modality}_state" for modality in MODALITIES]]
    nothing = ~states.eq("usable").fillna(False).any(axis=1) & ~facts["utterance_id"].isin(with_features)
    return sorted(facts.loc[nothing, "utterance_id"].dropna())


def _row(
    audio: str | None, video: str | None, text: str | None, files: dict[str, _File], wordless: dict
) -> dict:
    sound = files[audio or video].sound if audio or video else None
    pictures = files[video].pictures if video else None
    # A silent film lacks sound by its nature: listed, but not counted among what is broken.
    mute = sound is not None and not audio and sound.reason == NO_SOUND
    return {
        "audio_file": files[audio].place if audio else None,
        "video_file": files[video].place if video else None,
        "audio_reason": sound and sound.reason,
        "face_reason": pictures and pictures.reason,
        "text_reason": wordless.get(text),
        "audio_state": None if mute else _state(sound, sound and sound.reason),
        "face_state": _state(video, pictures and pictures.reason),
        "text_state": _state(text, wordless.get(text)),
        "rate": sound and sound.rate,
        "channels": sound and sound.channels,
        "duration_s": sound.duration_s
        if sound and sound.duration_s is not None
        else pictures and pictures.duration_s,
        "audio_fingerprint": sound and sound.fingerprint,
        "face_fingerprint": pictures and pictures.fingerprint,
    }


def _look(path: str, root: Path, sound: bool, pictures: bool) -> _File:
    place = _place(path, root)
    file = root / path
    return _File(place, _sound(file, place) if sound else None, _pictures(file, place) if pictures else None)


def _state(source: object, reason: str | None) -> str | None:
    return None if source is None else "unusable" if reason else "usable"


def _place(path: str, root: Path) -> str:
    """By the path's words alone: a link out of the folder may well be DVC's own, into its cache."""
    within = os.path.normpath(file_of(path))
    if not path or PurePosixPath(within).is_absolute() or PurePosixPath(within).parts[0] == "..":
        return OUTSIDE
    if not (root / within).is_file():
        return MISSING
    return THERE if (root / within).stat().st_size else EMPTY


def _sound(path: Path, place: str) -> _Sound:
    from ..media import audio_facts, decode_audio, fingerprint

    if place != THERE:
        return _Sound(place)
    try:
        facts = audio_facts(path)
    except MediaError as error:
        return _Sound(str(error))
    said = facts.rate, facts.channels, facts.duration_s
    try:
        samples = decode_audio(path)
    except MediaError as error:
        return _Sound(str(error), *said)
    return _Sound(None, *said, fingerprint.fingerprint_sound(samples))


def _pictures(path: Path, place: str) -> _Pictures:
    from ..media import fingerprint, fingerprint_format, frames

    if place != THERE:
        return _Pictures(place)
    try:
        shown = frames(path, count=fingerprint_format.PICTURES)
    except MediaError as error:
        return _Pictures(str(error))
    return _Pictures(None, shown.duration_s, fingerprint.fingerprint_face(shown.images))


def _text(text: str) -> str | None:
    from ..media import normalise_text

    return None if normalise_text(text) else "no words in it"
