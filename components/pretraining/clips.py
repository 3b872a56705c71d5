"""Clips of a corpus as pre-training reads them, decoded in worker processes, in the table's order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from .. import media
from ..encoders.av_hubert.clip import joined, pictures_of
from ..encoders.av_hubert.filterbank import RATE, stacked_filterbank
from ..encoders.pretrained.spec import Roi
from ..errors import MediaError, PretrainingError
from ..process_pool import process_pool
from .mfcc import mfcc
from .store import Clip

Stream = Literal["audio", "pictures"]
LEAST = 4
"""Frames of a clip: a shorter one has nothing that a masked frame could be predicted of."""


@dataclass(frozen=True)
class Recording:
    """Where the streams of an utterance are.

    Attributes:
        utterance_id: its id.
        sound: the recording with its sound; None: there is none.
        film: the recording with its film; None: there is none, or pictures are not asked for.
        digest: of the film.
    """

    utterance_id: str
    sound: Path | None
    film: Path | None
    digest: str | None


@dataclass(frozen=True)
class Faces:
    """How pictures are made.

    Attributes:
        roi: what they show.
        landmark_model: MediaPipe's model file; None: faces are found by the bundled cascade.
        cache: the folder that face tracks and their pictures are kept in.
    """

    roi: Roi
    landmark_model: Path | None
    cache: Path

    def of(self, recording: Recording) -> tuple[np.ndarray, np.ndarray]:
        """Pictures and presence. Raises MediaError: the film cannot be read, or shows no face."""
        if self.landmark_model is None:
            detector = media.CascadeDetector()
        else:
            detector = media.LandmarkDetector(self.landmark_model)
        faces = media.CachedFaces(recording.film, detector, digest=recording.digest, root=self.cache)
        pictures, present = pictures_of(faces, self.roi)
        if not present.any():
            raise MediaError("no face is found in the film")
        return pictures, present


@dataclass(frozen=True)
class Read:
    """What became of a recording.

    Attributes:
        utterance_id: its id.
        clip: None where neither stream can be used.
        unusable: stream → why it cannot be used.
    """

    utterance_id: str
    clip: Clip | None
    unusable: dict[Stream, str]


def read_all(recordings: Sequence[Recording], faces: Faces | None, *, workers: int) -> Iterator[Read]:
    """Read recordings, in their order.

    Args:
        recordings: of a corpus.
        faces: how pictures are made; None: sound alone is read.
        workers: processes.

    Raises:
        PretrainingError: a worker process died.
    """
    waiting, flying = deque(recordings), deque[Future[Read]]()
    try:
        with process_pool(max(1, min(workers, len(recordings))), _begin) as pool:
            while waiting or flying:
                while waiting and len(flying) < 2 * workers:
                    flying.append(pool.submit(read, waiting.popleft(), faces))
                yield flying.popleft().result()
    except BrokenProcessPool:
        raise PretrainingError(
            "a process that read recordings was ended, by the system where memory was short: set EMOFLOW_WORKERS to "
            "fewer and run the same command again; the pictures that were made are kept"
        ) from None


def _begin() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # the workers share the cores among themselves


def read(recording: Recording, faces: Faces | None) -> Read:
    """Read one recording."""
    audio = coefficients = pictures = present = None
    unusable: dict[Stream, str] = {}
    if recording.sound is not None:
        try:
            samples = media.decode_audio(recording.sound, rate=RATE)
            audio, coefficients = stacked_filterbank(samples), mfcc(samples)
        except MediaError as error:
            unusable["audio"] = str(error)
    if faces is not None and recording.film is not None:
        try:
            pictures, present = faces.of(recording)
        except MediaError as error:
            unusable["pictures"] = str(error)
    if audio is None and pictures is None:
        return Read(recording.utterance_id, None, unusable)
    clip = joined(audio, pictures, present)
    if len(clip) < LEAST:
        why = f"too short: {len(clip)} frames of 40 ms, and {LEAST} are needed"
        return Read(recording.utterance_id, None, {"audio" if audio is not None else "pictures": why})
    if coefficients is not None:
        short = max(0, len(clip) - len(coefficients))
        coefficients = np.pad(coefficients[: len(clip)], ((0, short), (0, 0)), mode="edge")
    kept = Clip(recording.utterance_id, clip.audio, coefficients, clip.pictures, clip.present)
    return Read(recording.utterance_id, kept, unusable)
