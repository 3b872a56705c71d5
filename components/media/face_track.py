"""A face track: one face followed through a clip at an even rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .container import Source
from .face import Box
from .face_detector import Detector, Face, same_place, talker
from .video import pictures

VERSION = 1
"""Of the track: raised when the same clip gives another one."""

FPS = 25.0
"""Frames per second: those of AV-HuBERT and of most corpora of talking faces."""
LONGEST_GAP_S = 0.4
"""A face that is not found for so long, and then in the same place, is interpolated."""
SHORTEST_S = 0.2
"""A face that is found in fewer frames altogether, before it is gone for good, was none."""


@dataclass(frozen=True)
class FaceTrack:
    """One face of a clip, a row for each of n frames; NaN where there is no face.

    Attributes:
        fps: frames per second.
        detector: what found it.
        boxes: float32 [n, 3]: top, left and size of the square around the face, in pixels.
        found: bool [n]: the detector found it in this frame.
        present: bool [n]: there is a face: found, or interpolated over a gap of at most ``LONGEST_GAP_S``.
        landmarks: float32 [n, 478, 3], in pixels; None where the detector has none, or finds no face at all.
        blendshapes: float32 [n, 52]; likewise.
        poses: float32 [n, 3], pitch, yaw and roll in degrees; likewise.
        speaker_found: the face was chosen because its mouth moves with the sound; see `active_speaker`.
    """

    fps: float
    detector: str
    boxes: np.ndarray
    found: np.ndarray
    present: np.ndarray
    landmarks: np.ndarray | None = None
    blendshapes: np.ndarray | None = None
    poses: np.ndarray | None = None
    speaker_found: bool = False

    def __len__(self) -> int:
        return len(self.found)

    @property
    def coverage(self) -> float:
        """The share of frames in which the face was found."""
        return float(self.found.mean())

    @property
    def interpolated(self) -> list[tuple[int, int]]:
        """The gaps that were closed: the first frame of each, and the first after it."""
        return runs(self.present & ~self.found)

    @property
    def absent(self) -> list[tuple[int, int]]:
        """The gaps that were not: the first frame of each, and the first after it."""
        return runs(~self.present)

    def box(self, frame: int) -> Box | None:
        """Where the face is; None where there is none."""
        return Box(*map(float, self.boxes[frame])) if self.present[frame] else None


def track_face(source: Source, detector: Detector, *, fps: float = FPS) -> FaceTrack:
    """Follow one face through a clip.

    Of several faces the track takes the largest and most central one, and stays with it: while it is lost, for up to
    ``LONGEST_GAP_S`` only a face in the same place continues the track.

    Args:
        source: a path, or the file's bytes.
        detector: finds the faces.
        fps: frames per second of the track, by the pictures' time stamps; see ``video.pictures``.

    Returns:
        The track, also of a clip without any face.

    Raises:
        MediaError: the clip cannot be read; see ``video.frames``.
    """
    return follow(source, detector, fps=fps)


def follow(
    source: Source, detector: Detector, *, fps: float, wanted: Sequence[Box | None] | None = None
) -> FaceTrack:
    """As `track_face`, and in some frames a certain face.

    Args:
        source: a path, or the file's bytes.
        detector: finds the faces.
        fps: frames per second of the track.
        wanted: for each frame where the face is that is to be followed; None: the frame has none, and the track goes
            on as that of `track_face` does.

    Raises:
        MediaError: the clip cannot be read.
    """
    faces: list[Face | None] = []
    image = last = None
    patience = round(LONGEST_GAP_S * fps)
    lost = 0
    with detector.opened() as search:
        for shown in pictures(source, fps=fps):
            if shown is not image:  # else it is the same picture, on show for longer than a frame
                image = shown
                face = None
                there = wanted[len(faces)] if wanted is not None else None
                if there is not None and last is not None and not same_place(last.box, there):
                    last = None
                if last is not None and lost == 0:
                    face = search.again(image, last.box, round(1000 * len(faces) / fps))
                if face is None:
                    candidates = search.all(image)
                    if there is not None:
                        candidates = [each for each in candidates if same_place(each.box, there)]
                    elif last is not None and lost < patience:
                        candidates = [each for each in candidates if same_place(each.box, last.box)]
                    face = talker(candidates, image.shape)
            faces.append(face)
            last, lost = (last, lost + 1) if face is None else (face, 0)
    return _track(faces, fps=fps, detector=detector.name)


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """The stretches of a mask that are true: the first index of each, and the first after it."""
    edges = np.flatnonzero(np.diff(np.r_[False, mask, False]))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]


def _track(faces: list[Face | None], *, fps: float, detector: str) -> FaceTrack:
    found = np.array([face is not None for face in faces])
    boxes = [face and (face.box.top, face.box.left, face.box.size) for face in faces]
    present = _present(found, [face and face.box for face in faces], most=round(LONGEST_GAP_S * fps))
    shortest = round(SHORTEST_S * fps)
    for begin, end in runs(present):
        if end - begin < len(faces) and found[begin:end].sum() < shortest:
            found[begin:end] = present[begin:end] = False

    def rows(values: list) -> np.ndarray | None:
        return _rows(values, found, present)

    return FaceTrack(
        fps,
        detector,
        np.full((len(faces), 3), np.nan, np.float32) if not found.any() else rows(boxes),
        found,
        present,
        rows([face and face.landmarks for face in faces]),
        rows([face and face.blendshapes for face in faces]),
        rows([face and face.pose for face in faces]),
    )


def _present(found: np.ndarray, boxes: list[Box | None], *, most: int) -> np.ndarray:
    """``found``, with the gaps of up to ``most`` frames closed over which the face stays in its place."""
    present = found.copy()
    for before, after in pairwise(np.flatnonzero(found)):
        if 1 < after - before <= most + 1 and same_place(boxes[before], boxes[after]):
            present[before:after] = True
    return present


def _rows(values: list, found: np.ndarray, present: np.ndarray) -> np.ndarray | None:
    """One row a frame, interpolated where the face is present and not found, NaN where it is not present."""
    known = np.flatnonzero(found)
    if not len(known) or values[known[0]] is None:
        return None
    stacked = np.stack([np.asarray(values[at], np.float32) for at in known])
    rows = np.full((len(values), *stacked.shape[1:]), np.nan, np.float32)
    rows[known] = stacked
    for at in np.flatnonzero(present & ~found):
        after = int(np.searchsorted(known, at))
        begin, end = known[after - 1], known[after]
        share = (at - begin) / (end - begin)
        rows[at] = (1 - share) * stacked[after - 1] + share * stacked[after]
    return rows
