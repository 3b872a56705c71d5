"""A clip as AV-HuBERT takes it: frames of sound and pictures of the mouth or the face, 25 of each a second."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from ... import media
from ..audio import BLOCK_S, overlapping_pieces
from .filterbank import FRAMES_PER_S, HOP, RATE, STACKED, stacked_filterbank

if TYPE_CHECKING:
    from ...media.clip_faces import ClipFaces
    from ..pretrained.spec import Roi

SIDE = 88
"""Pixels of a side of the pictures."""
GREY = (0.299, 0.587, 0.114)
"""Red's, green's and blue's share of a grey value (ITU-R BT.601, as OpenCV has it)."""


@dataclass(frozen=True)
class AudioVisualClip:
    """What is read of a clip; T frames, as many of sound as of pictures where there are both.

    Attributes:
        audio: normalised filter-bank frames, float32 [T, 104]; None: not read, or there is no sound.
        pictures: grey, uint8 [T, ``SIDE``, ``SIDE``]; None: not read, or there is no film.
        present: whether a picture shows what it is to show, bool [T]; None where ``pictures`` is.
        coverage: the share of the film's frames in which the face was found; None where no film was read.
        speaker_found: the face is the active speaker's; see `media.FaceTrack`.
    """

    audio: np.ndarray | None
    pictures: np.ndarray | None
    present: np.ndarray | None
    coverage: float | None = None
    speaker_found: bool = False

    def __len__(self) -> int:
        return len(cast("np.ndarray", self.audio if self.audio is not None else self.pictures))


def sound_of(source: media.Source) -> np.ndarray:
    """The frames of a clip's sound, float32 [T, 104]. Raises MediaError: there is none that can be used."""
    return frames_of_sound(media.sound_blocks(source, rate=RATE))


def frames_of_sound(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """As `stacked_filterbank` of all blocks together, at most a minute of it at once: float32 [T, 104].

    Args:
        blocks: float32 [samples] each, mono at 16 kHz; one after the other they are the sound.
    """
    step = HOP * STACKED
    cut = overlapping_pieces(blocks, most=BLOCK_S * RATE, context=2 * step, step=step)
    return np.concatenate([stacked_filterbank(piece)[own] for piece, own in cut])


def pictures_of(faces: ClipFaces, roi: Roi) -> tuple[np.ndarray, np.ndarray]:
    """The pictures of a clip.

    Args:
        faces: of the clip.
        roi: what they show.

    Returns:
        Grey pictures, uint8 [T, ``SIDE``, ``SIDE``], black where no face is found; and bool [T], where one is.

    Raises:
        MediaError: the film cannot be read.
    """
    track = faces.track
    if track.fps != FRAMES_PER_S:
        raise AssertionError(f"a face track has {track.fps} frames a second, and the sound {FRAMES_PER_S}")
    if roi == "mouth":
        (cut,) = faces.cut(media.MouthRegion(track))
    else:
        (colour,) = faces.cut(media.FaceRegion(track, size=SIDE))
        cut = np.rint(colour @ np.array(GREY, np.float32)).astype(np.uint8)
    return cut, track.present


def joined(
    audio: np.ndarray | None, pictures: np.ndarray | None, present: np.ndarray | None
) -> AudioVisualClip:
    """Sound and pictures of one clip; the sound is cut, or filled with zeros, to as many frames as pictures."""
    if audio is not None and pictures is not None:
        audio = np.pad(audio[: len(pictures)], ((0, max(0, len(pictures) - len(audio))), (0, 0)))
    return AudioVisualClip(audio, pictures, present)
