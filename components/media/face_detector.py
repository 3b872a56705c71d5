"""What a face tracker needs of a detector, and which of several faces is the talker's."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .face import Box

SAME_PLACE = 0.3
"""Intersection over union above which two boxes of neighbouring frames are of one face."""


@dataclass(frozen=True)
class Face:
    """A face in a picture.

    Attributes:
        box: the square around it, from the brows or the forehead to the chin, in pixels.
        landmarks: float32 [478, 3], in pixels; None where the detector finds none.
        blendshapes: float32 [52], from 0 to 1; likewise.
        pose: float32 [3], the head's pitch, yaw and roll in degrees; likewise.
    """

    box: Box
    landmarks: np.ndarray | None = None
    blendshapes: np.ndarray | None = None
    pose: np.ndarray | None = None


class Search(Protocol):
    """A detector at work on one clip, picture after picture."""

    def all(self, image: np.ndarray) -> list[Face]:
        """Every face in a picture, uint8 [H, W, 3] RGB."""

    def again(self, image: np.ndarray, near: Box, time_ms: int) -> Face | None:
        """The face that was at ``near`` in the picture before; None where it is not there any more.

        Args:
            image: uint8 [H, W, 3] RGB.
            near: its box.
            time_ms: of this picture; greater than that of the call before.
        """


class Detector(Protocol):
    """How faces are found.

    Attributes:
        name: how users call it.
        libraries: distributions whose version may change the faces.
    """

    name: str
    libraries: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """What else decides which faces it finds, as JSON: its version, and the digest of its weights if it has any."""

    def opened(self) -> AbstractContextManager[Search]:
        """A search through one clip; it keeps nothing of the clips before."""


def talker(faces: Sequence[Face], shape: tuple[int, ...]) -> Face | None:
    """The largest and most central face: the greatest area, less the share that it is off the picture's centre.

    Args:
        faces: in any order.
        shape: of the picture: height and width come first.

    Returns:
        The face; None where there is none.
    """
    height, width = shape[:2]

    def weight(face: Face) -> tuple[float, float, float]:
        row, column = face.box.centre
        off = np.hypot(row - height / 2, column - width / 2) / (np.hypot(height, width) / 2)
        return face.box.size**2 * (1 - off), -row, -column

    return max(faces, key=weight, default=None)


def same_place(one: Box, other: Box) -> bool:
    """Whether two boxes of neighbouring frames are of one face."""
    rows = min(one.top + one.size, other.top + other.size) - max(one.top, other.top)
    columns = min(one.left + one.size, other.left + other.size) - max(one.left, other.left)
    both = max(0.0, rows) * max(0.0, columns)
    return both > SAME_PLACE * (one.size**2 + other.size**2 - both)
