"""Face detection with MediaPipe's Face Landmarker: 478 landmarks, 52 blendshapes and the head's pose."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .face import Box
from .face_detector import Face

VERSION = 1
"""Of the detection: raised when the same picture gives another face."""

MOST_FACES = 4
"""That are looked at in a picture."""
WINDOW = 0.75
"""Added to a face's box on each side, as a share of it: where the same face is looked for in the next picture."""
OUTLINE = 468
"""The landmarks from here on are of the irises."""


class LandmarkDetector:
    """MediaPipe's Face Landmarker.

    A face that was found is followed in MediaPipe's video mode, which smooths its landmarks over time; what lies
    around it is blacked out then, so that MediaPipe does not go over to another face.
    """

    name = "mediapipe"
    libraries = ("mediapipe",)

    def __init__(self, model: Path):
        """A detector.

        Args:
            model: the file of the Face Landmarker.
        """
        self._model = model

    def facts(self) -> dict[str, Any]:
        """See ``face_detector.Detector``. Raises OSError: there is no model."""
        return {"version": VERSION, "weights": _digest(self._model)}

    @contextmanager
    def opened(self) -> Iterator["_Landmarkers"]:
        """A search. MediaPipe's landmarkers have to be closed before the interpreter ends."""
        from mediapipe.tasks.python import BaseOptions, vision

        with ExitStack() as stack:

            def landmarker(mode: Any, faces: int) -> Any:
                options = vision.FaceLandmarkerOptions(
                    base_options=BaseOptions(model_asset_buffer=_read(self._model)),
                    running_mode=mode,
                    num_faces=faces,
                    output_face_blendshapes=True,
                    output_facial_transformation_matrixes=True,
                )
                return stack.enter_context(vision.FaceLandmarker.create_from_options(options))

            yield _Landmarkers(
                landmarker(vision.RunningMode.IMAGE, MOST_FACES), landmarker(vision.RunningMode.VIDEO, 1)
            )


class _Landmarkers:
    def __init__(self, searching: Any, following: Any):
        self._searching, self._following = searching, following

    def all(self, image: np.ndarray) -> list[Face]:
        """See ``face_detector.Search``."""
        return _faces(self._searching.detect(_picture(image)), image.shape)

    def again(self, image: np.ndarray, near: Box, time_ms: int) -> Face | None:
        """See ``face_detector.Search``."""
        around = near.grown(WINDOW)
        rows, columns = (
            slice(max(0, round(begin)), max(0, round(begin + around.size)))
            for begin in (around.top, around.left)
        )
        alone = np.zeros_like(image)
        alone[rows, columns] = image[rows, columns]
        found = _faces(self._following.detect_for_video(_picture(alone), time_ms), image.shape)
        return found[0] if found else None


def _picture(image: np.ndarray) -> Any:
    import mediapipe

    # MediaPipe takes rows to follow one another without a gap.
    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image))


def _faces(found: Any, shape: tuple[int, ...]) -> list[Face]:
    height, width = shape[:2]
    faces = []
    for points, shapes, matrix in zip(
        found.face_landmarks, found.face_blendshapes, found.facial_transformation_matrixes, strict=True
    ):
        landmarks = np.array([[p.x * width, p.y * height, p.z * width] for p in points], np.float32)
        faces.append(
            Face(
                _square_around(landmarks[:OUTLINE, :2]),
                landmarks,
                np.array([shape.score for shape in shapes], np.float32),
                head_pose(matrix[:3, :3]),
            )
        )
    return faces


def _square_around(points: np.ndarray) -> Box:
    (left, top), (right, bottom) = points.min(0).astype(float), points.max(0).astype(float)
    size = max(right - left, bottom - top)
    return Box((top + bottom - size) / 2, (left + right - size) / 2, size)


def head_pose(rotation: np.ndarray) -> np.ndarray:
    """A head's rotation as angles, applied in the order roll, pitch, yaw.

    Args:
        rotation: [3, 3], from the face's own axes to the camera's: x to the right of the picture, y up, z towards
            the camera.

    Returns:
        float32 [3], in degrees: pitch (positive: chin down), yaw (positive: towards the picture's right), roll
        (positive: the head tilts to the picture's left).
    """
    rotation = rotation / np.linalg.norm(rotation, axis=0)
    pitch = np.arcsin(np.clip(-rotation[1, 2], -1, 1))
    yaw = np.arctan2(rotation[0, 2], rotation[2, 2])
    roll = np.arctan2(rotation[1, 0], rotation[1, 1])
    return np.degrees([pitch, yaw, roll]).astype(np.float32)


@lru_cache(maxsize=1)
def _read(model: Path) -> bytes:
    return model.read_bytes()


@lru_cache(maxsize=1)
def _digest(model: Path) -> str:
    return hashlib.sha256(_read(model)).hexdigest()
