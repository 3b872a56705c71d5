"""A clip's length and waveform, from its recording."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import MediaError
from ...media import decode_audio, video_facts
from ...media.audio import RATE

COLUMNS = 160
"""Of the waveform."""


@dataclass(frozen=True)
class Recording:
    """What is known of a clip's recording.

    Attributes:
        duration_s: in seconds; None where it cannot be read.
        waveform: the peak of each of `COLUMNS` even parts, the loudest 1; None without sound.
        unreadable: why there is no duration; None where there is one.
    """

    duration_s: float | None
    waveform: list[float] | None
    unreadable: str | None = None


def read(sound: Path | None, film: Path | None) -> Recording:
    """The waveform of a clip's sound, or else of its film's; the length of its film, which the report plays, or sound.

    Args:
        sound, film: perhaps parts of longer ones (``schema.CUT``); None where the clip has none.
    """
    path = sound or film
    if path is None:
        return Recording(None, None, "it has no recording")
    waveform, duration_s, unreadable = None, None, None
    try:
        samples = decode_audio(path)
    except MediaError as error:
        unreadable = str(error)
    else:
        peaks = np.array([np.abs(part).max(initial=0) for part in np.array_split(samples, COLUMNS)])
        waveform, duration_s = np.round(peaks / peaks.max(), 3).tolist(), len(samples) / RATE
    if film is not None:
        try:
            return Recording(video_facts(film).duration_s, waveform)
        except MediaError as error:
            unreadable = unreadable or str(error)
    return Recording(duration_s, waveform, None if duration_s is not None else unreadable)
