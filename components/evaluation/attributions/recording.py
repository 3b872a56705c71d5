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


def read(path: Path | None) -> Recording:
    """Decode a clip's sound, or read its film's length where it has none.

    Args:
        path: of its sound or film, perhaps a part of it (``schema.CUT``); None where it has neither.
    """
    if path is None:
        return Recording(None, None, "it has no recording")
    try:
        samples = decode_audio(path)
    except MediaError as error:
        try:
            return Recording(video_facts(path).duration_s, None)
        except MediaError:
            return Recording(None, None, str(error))
    peaks = np.array([np.abs(part).max(initial=0) for part in np.array_split(samples, COLUMNS)])
    return Recording(len(samples) / RATE, np.round(peaks / peaks.max(), 3).tolist())
