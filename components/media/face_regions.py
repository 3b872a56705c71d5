"""Regions of interest of a face track, as frames: the mouth as AV-HuBERT takes it, and the whole face."""

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import numpy as np

from .container import Source
from .face import Box, crop, shrunk
from .face_geometry import MEAN_FACE, mouth_centres, similarities, stable_points
from .face_track import FaceTrack, runs
from .video import pictures

VERSION = 1
"""Of the regions: raised when the same track gives other frames."""

SMOOTHING = 12
"""Frames over which the place of a region is averaged."""
MOUTH_SIDE = 88
"""Pixels: the centre of AV-HuBERT's 96 × 96 pixels, which it crops from them."""
EYES = 88
"""Pixels of the mean face between the outer corners of the eyes, so that the mouth's frame is as wide."""


class Region(Protocol):
    """What is cut out of each picture of a track.

    Attributes:
        shape: of each frame.
        facts: all that decides the frames but the clip and its track, as JSON.
    """

    shape: tuple[int, ...]
    facts: dict[str, Any]

    def of(self, image: np.ndarray, frame: int) -> np.ndarray:
        """The region in the picture of a frame in which the face is present, uint8 ``[*shape]``."""


class MouthRegion:
    """The mouth in grey, upright and of one size, as AV-HuBERT's preparation has it.

    A similarity transform lays five points that speech does not move (eyes' corners and nose's base, averaged over
    ``SMOOTHING`` frames from this one on) upon the mean face; the frame's own mouth is in the centre.
    """

    shape = (MOUTH_SIDE, MOUTH_SIDE)
    facts: ClassVar[dict[str, Any]] = {"region": "mouth", "version": VERSION}

    def __init__(self, track: FaceTrack):
        points, mouths = stable_points(track), mouth_centres(track)
        for begin, end in runs(track.present):
            points[begin:end] = _ahead(points[begin:end])
            if track.landmarks is None:  # then the mouth moves with the box, which jumps from frame to frame
                mouths[begin:end] = _ahead(mouths[begin:end])
        there = track.present
        self._scale, self._shift, self._centre = np.full((3, len(track)), np.nan, np.complex128)
        self._scale[there], self._shift[there] = similarities(points[there], EYES * MEAN_FACE)
        x, y = mouths[there].T
        self._centre[there] = np.round(self._scale[there] * (x + 1j * y) + self._shift[there])
        # Of a large face every few pixels are averaged first, as many in all frames of the clip.
        self._averaged = max(1, int(1 / np.median(np.abs(self._scale[there])))) if there.any() else 1

    def of(self, image: np.ndarray, frame: int) -> np.ndarray:
        """See `Region`."""
        from scipy.ndimage import map_coordinates

        grid = np.arange(MOUTH_SIDE) - MOUTH_SIDE // 2
        there = self._centre[frame] + grid + 1j * grid[:, None]
        z = (there - self._shift[frame]) / self._scale[frame]
        step = self._averaged
        rows, columns = ((part + 0.5) / step - 0.5 for part in (z.imag, z.real))
        return map_coordinates(shrunk(image, step), (rows, columns), order=1, mode="nearest")


class FaceRegion:
    """The face in colour, as a square picture; its place and size are averaged over ``SMOOTHING`` frames."""

    def __init__(self, track: FaceTrack, *, size: int, margin: float = 0.25):
        """A region.

        Args:
            track: of the clip.
            size: of the frames, in pixels.
            margin: added to the face's box on each side, as a share of it.
        """
        self.shape = (size, size, 3)
        self.facts = {"region": "face", "version": VERSION, "size": size, "margin": margin}
        self._margin = margin
        self._boxes = track.boxes.astype(np.float64)
        self._boxes[:, :2] += self._boxes[:, 2:] / 2
        for begin, end in runs(track.present):
            self._boxes[begin:end] = _around(self._boxes[begin:end])

    def of(self, image: np.ndarray, frame: int) -> np.ndarray:
        """See `Region`."""
        row, column, size = self._boxes[frame]
        box = Box(row - size / 2, column - size / 2, size)
        return crop(image, box, size=self.shape[0], margin=self._margin, colour=True)


def cut_regions(
    source: Source, track: FaceTrack, *regions: Region, frames: Sequence[int] | None = None
) -> list[np.ndarray]:
    """Cut regions out of a clip, which is decoded once.

    Args:
        source: the clip that the track is of.
        track: its face.
        regions: of that track.
        frames: which of the track's n frames, in order; all by default.

    Returns:
        For each region uint8 [frames, ``*region.shape``], all zero where the face is not present.

    Raises:
        MediaError: the clip cannot be read.
    """
    places = {frame: place for place, frame in enumerate(range(len(track)) if frames is None else frames)}
    cut = [np.zeros((len(places), *region.shape), np.uint8) for region in regions]
    for at, image in enumerate(pictures(source, fps=track.fps)):
        if at in places and track.present[at]:
            for of_region, region in zip(cut, regions, strict=True):
                of_region[places[at]] = region.of(image, at)
    return cut


def _ahead(values: np.ndarray) -> np.ndarray:
    """The mean over ``SMOOTHING`` rows from each row on; the last rows all have the last such mean."""
    width = min(SMOOTHING, len(values))
    means = np.lib.stride_tricks.sliding_window_view(values, width, axis=0).mean(-1)
    return means[np.minimum(np.arange(len(values)), len(means) - 1)]


def _around(values: np.ndarray) -> np.ndarray:
    """The mean over ``SMOOTHING`` rows around each row, fewer at the ends."""
    sums = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
    at = np.arange(len(values))
    begin, end = np.maximum(at - SMOOTHING // 2, 0), np.minimum(at + SMOOTHING // 2, len(values))
    return (sums[end] - sums[begin]) / (end - begin)[:, None]
