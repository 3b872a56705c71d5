"""What the corpus's files really are: there or not, decodable or not, how long, at which rate.

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

if TYPE_CHECKING:
    import pandas as pd

THERE, MISSING, OUTSIDE = "there", "missing", "outside the corpus"
NO_SOUND = "no sound track"

COLUMNS = {
    "audio_file": "str",  # there, missing, outside the corpus; null where the table names none
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
}
MODALITIES = ("audio", "face", "text")


@dataclass(frozen=True)
class _Sound:
    reason: str | None
    rate: float
    channels: float
    duration_s: float


def gather(table: pd.DataFrame, root: Path, *, workers: int) -> pd.DataFrame:
    """The table's rows with the columns of ``COLUMNS``, gathered from the files beneath ``root``.

    The sound of an utterance is its ``audio`` file, or the sound track of its ``video`` where it has none.
    Threads do the work: decoders release Python's lock, and nothing is left behind when the process is killed.
    """
    import pandas as pd

    rows = table[["utterance_id", "audio", "video", "text"]].itertuples(index=False)
    with ThreadPoolExecutor(workers) as pool:
        try:
            found = list(
                track(pool.map(lambda row: _look(row, root), rows), total=len(table), what="recordings")
            )
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
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


def unusable(facts: pd.DataFrame, *, with_features: set[str]) -> list[str]:
    """The utterances of which nothing is left: no modality that can be used.

    Args:
        with_features: utterances of which a feature table came along; these have something left.
    """
    states = facts[[f"{modality}_state" for modality in MODALITIES]]
    nothing = ~states.eq("usable").fillna(False).any(axis=1) & ~facts["utterance_id"].isin(with_features)
    return sorted(facts.loc[nothing, "utterance_id"].dropna())


def _look(row, root: Path) -> dict:
    audio, video, text = (
        value if isinstance(value, str) else None for value in (row.audio, row.video, row.text)
    )
    audio_file, video_file = _place(audio, root), _place(video, root)
    sound = _sound(root / audio, audio_file) if audio else None
    face_reason, video_s = _face(root / video, video_file) if video else (None, None)
    if not audio and video:
        sound = _sound(root / video, video_file)
    text_reason = _text(text)
    return {
        "audio_file": audio_file,
        "video_file": video_file,
        "audio_reason": sound and sound.reason,
        "face_reason": face_reason,
        "text_reason": text_reason,
        # A silent film lacks sound by its nature: listed, but not counted among what is broken.
        "audio_state": None
        if sound and not audio and sound.reason == NO_SOUND
        else _state(sound, sound and sound.reason),
        "face_state": _state(video, face_reason),
        "text_state": _state(text, text_reason),
        "rate": sound and sound.rate,
        "channels": sound and sound.channels,
        "duration_s": sound.duration_s if sound and sound.duration_s is not None else video_s,
    }


def _state(source: object, reason: str | None) -> str | None:
    return None if source is None else "unusable" if reason else "usable"


def _place(path: str | None, root: Path) -> str | None:
    """By the path's words alone: a link out of the folder may well be DVC's own, into its cache."""
    if path is None:
        return None
    within = os.path.normpath(path)
    if not path or PurePosixPath(within).is_absolute() or PurePosixPath(within).parts[0] == "..":
        return OUTSIDE
    return THERE if (root / within).is_file() else MISSING


def _sound(path: Path, place: str) -> _Sound:
    from ..media import audio_facts, decode_audio

    if place != THERE:
        return _Sound(place, None, None, None)
    try:
        facts = audio_facts(path)
    except MediaError as error:
        return _Sound(str(error), None, None, None)
    try:
        decode_audio(path)
    except MediaError as error:
        return _Sound(str(error), facts.rate, facts.channels, facts.duration_s)
    return _Sound(None, facts.rate, facts.channels, facts.duration_s)


def _face(path: Path, place: str) -> tuple[str | None, float | None]:
    from ..media import frames

    if place != THERE:
        return place, None
    try:
        return None, frames(path, count=1).duration_s
    except MediaError as error:
        return str(error), None


def _text(text: str | None) -> str | None:
    from ..media import normalise_text

    return "no words in it" if text is not None and not normalise_text(text) else None
