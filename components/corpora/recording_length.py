"""How long recordings are by their headers; nothing is decoded."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..errors import MediaError
from ..progress import track

_SOUND = ".wav", ".flac", ".ogg", ".mp3"


def lengths(root: Path, paths: Iterable[str], *, workers: int | None = None) -> dict[str, float | None]:
    """The length of each recording.

    Args:
        root: of the corpus.
        paths: of the recordings, relative to it.
        workers: how many headers are read at once; one a core where None.

    Returns:
        Path → seconds; None where the recording is missing or has no header that can be read.
    """
    paths = sorted(set(paths))
    with ThreadPoolExecutor(workers or len(os.sched_getaffinity(0))) as pool:
        found = pool.map(lambda path: header_s(root / path), paths)
        return dict(zip(paths, track(found, total=len(paths), what="durations"), strict=True))


def header_s(path: Path) -> float | None:
    """The length that a recording's header states.

    Args:
        path: of the recording.

    Returns:
        Seconds; None where it is missing or has no header that can be read.
    """
    if path.suffix.lower() in _SOUND:
        import soundfile

        try:
            return soundfile.info(path).duration
        except soundfile.LibsndfileError:
            return None
    from ..media import audio_facts, video_facts

    for facts in (video_facts, audio_facts):
        try:
            return facts(path).duration_s
        except MediaError:
            continue
    return None
