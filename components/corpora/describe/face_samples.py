"""Faces in a sample of a corpus's films: how far each is covered, its gaps, and frames of mouth and face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ... import media
from ...errors import CorpusError, MediaError
from ...process_pool import process_pool
from ...progress import track as shown_progress
from ..media_digests import media_digest

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from ...media.clip_faces import Followed
    from ...media.face_detector import Detector

CLIPS = 12
FRAMES = 8
"""Of each clip, at most."""
SIDE = 96
"""Of a face, in pixels."""


@dataclass(frozen=True)
class FaceSample:
    """The face in one film.

    Attributes:
        utterance_id: whose film it is.
        reason: why the film cannot be read; None where it can.
        track: the face, without landmarks; None where the film cannot be read.
        faces: of evenly spaced frames in which it is present, uint8 [``SIDE``, ``SIDE``, 3] each.
        mouths: of the same frames, uint8 [88, 88] each.
    """

    utterance_id: str
    reason: str | None = None
    track: media.FaceTrack | None = None
    faces: Sequence[np.ndarray] = ()
    mouths: Sequence[np.ndarray] = ()

    @property
    def summary(self) -> str:
        """Coverage and gaps in words, or why there are none."""
        if self.track is None:
            return f"cannot be read: {self.reason}"
        speaker = "; the mouth that moves with the sound" if self.track.speaker_found else ""
        return (
            f"{self.track.coverage:.0%} of {len(self.track):,} frames; gaps: "
            f"{len(self.track.interpolated)} interpolated, {len(self.track.absent)} left{speaker}"
        )


def sampled(
    corpus: str,
    table: pd.DataFrame,
    root: Path,
    detector: Detector,
    *,
    followed: Followed = "largest",
    cache: Path,
    workers: int,
    clips: int = CLIPS,
) -> list[FaceSample]:
    """Follow the faces in films of a corpus, evenly spaced over its utterances.

    A face that an encoder of faces has followed with this detector is not followed again.

    Args:
        corpus: its name.
        table: its utterance table.
        root: of the corpus.
        detector: finds the faces.
        followed: which of several faces.
        cache: the folder that the encoders keep what they make in; see `media.CachedFaces`.
        workers: processes.
        clips: how many films, at most.

    Returns:
        The samples, in the table's order.

    Raises:
        CorpusError: the corpus has no films.
    """
    films = table.loc[table["video"].notna(), ["utterance_id", "video"]]
    if not len(films):
        raise CorpusError(f"{corpus}: it has no films, so there are no faces to show")
    chosen = films.iloc[_spaced(len(films), clips)]
    with process_pool(min(workers, len(chosen))) as pool:
        found = pool.map(
            _seen,
            chosen["utterance_id"],
            chosen["video"],
            [root] * len(chosen),
            [detector] * len(chosen),
            [followed] * len(chosen),
            [cache] * len(chosen),
        )
        return list(shown_progress(found, total=len(chosen), what="faces"))


def shown(samples: Sequence[FaceSample], detector: str) -> Table:
    """Coverage and gaps of each clip for a terminal."""
    from rich.markup import escape
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_row("[bold]faces[/bold]", f"found by {detector} in {len(samples)} clips")
    for sample in samples:
        table.add_row(f"  {escape(sample.utterance_id)}", escape(sample.summary))
    return table


def _seen(
    utterance_id: str, name: str, root: Path, detector: Detector, followed: Followed, cache: Path
) -> FaceSample:
    film, digest = root / name, media_digest(root, name)
    try:
        clip = (
            media.CachedFaces(film, detector, digest=digest, root=cache, followed=followed)
            if digest
            else media.ClipFaces(film, detector, followed=followed)
        )
        track = clip.track
        there = np.flatnonzero(track.present)
        faces, mouths = clip.cut(
            media.FaceRegion(track, size=SIDE),
            media.MouthRegion(track),
            frames=there[_spaced(len(there), FRAMES)].tolist(),
        )
    except MediaError as error:
        return FaceSample(utterance_id, str(error))
    without = replace(track, landmarks=None, blendshapes=None, poses=None)  # a long film has hundreds of MB
    return FaceSample(utterance_id, None, without, list(faces), list(mouths))


def _spaced(of: int, most: int) -> np.ndarray:
    """Evenly spaced places among ``of``, the first and the last included."""
    return np.unique(np.linspace(0, of - 1, min(most, of)).round().astype(int))
