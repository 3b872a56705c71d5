"""The face that a track follows through a clip, as the encoders of faces take it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .. import media

if TYPE_CHECKING:
    from ..media.clip_faces import ClipFaces

SIDE = 224
"""Pixels of the face's picture: what most picture models take."""
MARGIN = 0.25
"""Added to the face's box on each side, as a share of it."""
LITTLE = 0.5
"""Coverage below which a clip is reported."""


@dataclass(frozen=True)
class FollowedFaces:
    """Frames of a face track, evenly spaced over the clip.

    Attributes:
        images: the face in colour, uint8 [k, ``SIDE``, ``SIDE``, 3].
        boxes: where the face is in each of them; None where it is not present.
        track: the whole track.
        frames: int [k]: which frames of the track they are.
    """

    images: np.ndarray
    boxes: list[media.Box | None]
    track: media.FaceTrack
    frames: np.ndarray

    @property
    def notice(self) -> str | None:
        """What to report of the clip; None where nothing is."""
        return notice_of(self.track.coverage, self.track.speaker_found)


def notice_of(coverage: float | None, speaker_found: bool) -> str | None:
    """What to report of a track: that it is the active speaker's, and a face in few frames; None: neither.

    Args:
        coverage: the share of frames in which the face is found; None: not known.
        speaker_found: whether mouth and sound decided whose it is.
    """
    said = []
    if speaker_found:
        said.append("with the face whose mouth moves with the sound")
    if coverage is not None and coverage < LITTLE:
        said.append(f"with a face in less than {LITTLE:.0%} of the frames")
    return ", ".join(said) or None


def follow(faces: ClipFaces, *, count: int) -> FollowedFaces:
    """Follow the face through a clip, and cut it out of the frames in the middles of equal parts.

    Args:
        faces: of the clip.
        count: how many frames, at most.

    Raises:
        MediaError: the clip cannot be read.
    """
    track = faces.track
    frames = np.unique(((np.arange(count) + 0.5) * len(track) / count).astype(int))
    region = media.FaceRegion(track, size=SIDE, margin=MARGIN)
    (images,) = faces.cut(region, frames=frames.tolist())
    size = SIDE / (1 + 2 * MARGIN)
    box = media.Box((SIDE - size) / 2, (SIDE - size) / 2, size)
    return FollowedFaces(images, [box if track.present[at] else None for at in frames], track, frames)
