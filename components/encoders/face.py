"""Face encoders, one token per sampled frame with a face in it: appearance (image patches) or facial landmarks.

Several of them side by side need tokens of the same frames, and one may find a face where another does not: each then
has a token for every frame, and where it finds no face that of the nearest frame in which it does.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .. import media
from ..errors import MediaError, SettingsError
from ..files import file_digest
from .base import Encoder, checked
from .model_files import LANDMARK_MODEL

LANDMARK_MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
"""MediaPipe's Face Landmarker bundle, float16, version 1: the one whose tokens ``landmarks`` means."""


class Face(Encoder):
    modality = "face"
    kind = "sequence"
    alignable = True

    def __init__(self, *, frames: int, aligned: bool = False):
        """An encoder of faces.

        Args:
            frames: how many of a clip's frames are looked at, at most.
            aligned: a token for every frame, also for those without a face.
        """
        self.frames = frames
        self.aligned = aligned

    @property
    def parameters(self) -> dict[str, Any]:
        """The number of frames, and whether each of them has a token."""
        return {"frames": self.frames} | ({"aligned": True} if self.aligned else {})

    @classmethod
    def decoding(cls) -> int:
        from ..media.video import VERSION

        return VERSION

    def decode(self, source) -> "media.Frames":
        return media.frames(source, count=self.frames)

    def _sequence(self, tokens: Sequence[np.ndarray | None]) -> np.ndarray:
        """Each frame's token, None where it has no face, as one sequence. Raises MediaError where none has a face."""
        found = [at for at, token in enumerate(tokens) if token is not None]
        if not found:
            raise MediaError(f"no face found in {len(tokens)} frames")
        frames = range(len(tokens)) if self.aligned else found
        nearest = [min(found, key=lambda other: abs(other - at)) for at in frames]
        return checked(np.stack([tokens[at] for at in nearest]), self.feature_names())


class Appearance(Face):
    """What the face looks like: histograms of oriented gradients, and a small picture of it.

    Dalal & Triggs (2005): 8 orientations in cells of 8 × 8 pixels, blocks of 2 × 2 cells, on the face at
    48 × 48 pixels; then 16 × 16 grey values, of mean 0 and deviation 1. A picture without a face gives no token.
    """

    name = "appearance"
    version = 1
    libraries = ("scikit-image", "av")
    side, cell, orientations, thumbnail = 48, 8, 8, 16
    margin = -0.1  # the cascade's box, trimmed of hair and background
    dimensions = (side // cell - 1) ** 2 * 4 * orientations + thumbnail**2

    @classmethod
    def decoding(cls) -> int:
        from ..media.face import VERSION

        return super().decoding() * 1000 + VERSION

    def feature_names(self) -> list[str]:
        pixels = self.thumbnail**2
        return [f"hog_{n}" for n in range(self.dimensions - pixels)] + [f"grey_{n}" for n in range(pixels)]

    def encode_decoded(self, medium: "media.Frames") -> np.ndarray:
        boxes = media.find_faces(medium.images)
        return self._sequence(
            [
                self._token(image, box) if box else None
                for image, box in zip(medium.images, boxes, strict=True)
            ]
        )

    def _token(self, image: np.ndarray, box: "media.Box") -> np.ndarray:
        from skimage.feature import hog

        face = media.crop(image, box, size=self.side, margin=self.margin)
        gradients = hog(
            face,
            orientations=self.orientations,
            pixels_per_cell=(self.cell, self.cell),
            cells_per_block=(2, 2),
            block_norm="L2-Hys",
        )
        grey = media.crop(image, box, size=self.thumbnail, margin=self.margin).astype(np.float64).ravel()
        return np.concatenate([gradients, (grey - grey.mean()) / (grey.std() + 1e-6)])


class Landmarks(Face):
    """MediaPipe's 478 landmarks (x, y, z) and 52 blendshapes, of the first face it finds in each picture.

    The landmarks lose position, size and the head's turn: the origin is between the outer corners of the eyes,
    their distance is 1, the x axis runs through them, and the forehead and the base of the nose set the y axis.
    """

    name = "landmarks"
    version = 1
    libraries = ("mediapipe", "av")
    weights = LANDMARK_MODEL_SHA256
    licence = "Apache-2.0"
    dimensions = 478 * 3 + 52

    def __init__(self, *, frames: int, model: str | Path | None, aligned: bool = False):
        """As any encoder of faces; ``model`` is the file of MediaPipe's Face Landmarker."""
        super().__init__(frames=frames, aligned=aligned)
        self._landmark_model = model

    def files(self) -> dict[str, Path]:
        """MediaPipe's model. Raises SettingsError where it is missing, or is another one."""
        return {LANDMARK_MODEL: _checked_model(str(self._landmark_model or ""))}

    def feature_names(self) -> list[str]:
        points = [f"landmark_{n}_{axis}" for n in range(478) for axis in "xyz"]
        return points + [f"blendshape_{n}" for n in range(52)]

    def encode_decoded(self, medium: "media.Frames") -> np.ndarray:
        """float32 [pictures with a face, 1486]; [pictures, 1486] where aligned.

        Raises:
            MediaError: no face in any picture.
            SettingsError: the model is missing, or is another one.
        """
        model = _landmark_model(str(self._landmark_model or ""))
        import mediapipe
        from mediapipe.tasks.python import BaseOptions, vision

        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=model), output_face_blendshapes=True
        )
        tokens = []
        # One for each clip, some 40 ms: a landmarker that is left to the interpreter's end cannot be closed then.
        with vision.FaceLandmarker.create_from_options(options) as landmarker:
            for image in medium.images:
                found = landmarker.detect(
                    mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=image)
                )
                if not found.face_landmarks:
                    tokens.append(None)
                    continue
                height, width = image.shape[:2]
                points = np.array([[p.x * width, p.y * height, p.z * width] for p in found.face_landmarks[0]])
                shapes = [shape.score for shape in found.face_blendshapes[0]]
                tokens.append(np.concatenate([upright(points).ravel(), shapes]))
        return self._sequence(tokens)


def upright(points: np.ndarray) -> np.ndarray:
    """Landmarks [478, 3] in the face's own frame: position, scale and rotation taken out.

    Landmarks 33 and 263 are the outer corners of the eyes, 10 the top of the forehead, 2 the base of the nose:
    points that a jaw, a mouth or a brow hardly moves.
    """
    right, left, top, nose = points[[33, 263, 10, 2]]
    across = left - right
    size = np.linalg.norm(across)
    if size == 0:
        return np.full_like(points, np.nan)
    x = across / size
    down = nose - top
    y = down - (down @ x) * x
    y /= np.linalg.norm(y)
    return (points - (right + left) / 2) / size @ np.stack([x, y, np.cross(x, y)]).T


@lru_cache(maxsize=1)
def _landmark_model(model: str) -> bytes:
    return _checked_model(model).read_bytes()


def _checked_model(model: str) -> Path:
    path = Path(model)
    fix = (
        "install it (EMOFLOW_LANDMARK_MODEL says where) with: emoflow assets add face-landmarker FILE-OR-URL"
    )
    if not path.is_file():
        raise SettingsError(
            f"the encoder 'landmarks' needs MediaPipe's face landmark model, which is not at {model!r}; {fix}"
        )
    found = file_digest(path)
    if found != LANDMARK_MODEL_SHA256:
        raise SettingsError(
            f"{path} is not the pinned landmark model: sha256 {found}, expected {LANDMARK_MODEL_SHA256}; {fix}"
        )
    return path
