"""Duration and level of each utterance's sound, from the recordings themselves."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import MediaError
from ...media.audio import RATE, sound_blocks
from ...progress import track
from ...schema import file_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Measured:
    """What was measured of N utterances; NaN of one without a recording that can be decoded.

    Attributes:
        duration: in seconds, ``[N]``.
        loudness: root mean square of the samples in dB, 0 dB being full scale, ``[N]``.
        unread: why not → how many.
    """

    duration: np.ndarray
    loudness: np.ndarray
    unread: Counter[str]


def measure(utterances: "pd.DataFrame", raw: Path) -> Measured:
    """Decode the sound of each utterance, one after the other.

    Args:
        utterances: N rows with ``corpus``, ``audio`` and ``video``; the sound of a film is taken where there is no
            sound file.
        raw: the folder that the corpora are in.
    """
    unread: Counter[str] = Counter()
    found = np.full((len(utterances), 2), np.nan)
    media = utterances["audio"].fillna(utterances["video"])
    rows = zip(utterances["corpus"], media, media.notna(), strict=True)
    for place, (corpus, path, named) in enumerate(track(rows, total=len(utterances), what="recordings")):
        if not named:
            unread["the corpus has no recording of it"] += 1
        elif not Path(file_of(str(raw / corpus / path))).is_file():
            unread[f"its recording is not in {raw / corpus}"] += 1
        else:
            try:
                found[place] = _duration_and_level(raw / corpus / path)
            except MediaError as error:
                unread[str(error)] += 1
    return Measured(found[:, 0], found[:, 1], unread)


def _duration_and_level(path: Path) -> tuple[float, float]:
    """Seconds, and the level in dB. Raises MediaError, of a silent recording too."""
    count, energy = 0, 0.0
    for block in sound_blocks(path):
        count += len(block)
        energy += float(np.square(block, dtype=np.float64).sum())
    return count / RATE, float(10 * np.log10(energy / count))
