"""Utterance durations without decoding: from the annotated times, else from the file's header."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import MediaError
from ...progress import track
from ...schema import CUT

if TYPE_CHECKING:
    import pandas as pd

_SOUND = ".wav", ".flac", ".ogg", ".mp3"


def durations(table: pd.DataFrame, root: Path, *, workers: int) -> pd.Series:
    """Each utterance's length in seconds, in the table's order; NaN where neither times nor a header tell it."""
    import pandas as pd

    lasts = (table["end_s"] - table["start_s"]).where(lambda seconds: seconds > 0)
    media = table["audio"].fillna(table["video"])
    lasts = lasts.fillna(_by_part(media))
    paths = sorted(set(media[lasts.isna() & media.notna()]))
    with ThreadPoolExecutor(workers) as pool:
        durations = track(
            pool.map(lambda path: header_s(root / path), paths), total=len(paths), what="durations"
        )
        by_path = dict(zip(paths, durations, strict=True))
    return lasts.fillna(pd.to_numeric(media.map(by_path)))


def _by_part(media: pd.Series) -> pd.Series:
    """The lengths of those that are named as parts of a recording; see ``schema.CUT``."""
    times = media.str.extract(CUT)
    return times[1].astype("float64") - times[0].astype("float64")


def header_s(path: Path) -> float | None:
    """How long a recording is by its header, in seconds; None where it has none that can be read."""
    if path.suffix.lower() in _SOUND:
        import soundfile

        try:
            return soundfile.info(path).duration
        except soundfile.LibsndfileError:
            return None
    from ...media import audio_facts, video_facts

    for facts in (video_facts, audio_facts):
        try:
            return facts(path).duration_s
        except MediaError:
            continue
    return None
