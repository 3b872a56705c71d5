"""Face encoders, one token per sampled frame with a face in it: appearance (image patches) or facial landmarks.

Several of them side by side need tokens of the same frames, and one may find a face where another does not: each then
has a token for every frame, and where it finds no face that of the nearest frame in which it does.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import media
from ..errors import MediaError, ParamsError, SettingsError
from ..files import file_digest
from .base import Encoder, checked
from .followed_faces import MARGIN, SIDE, FollowedFaces, follow
from .model_files import LANDMARK_MODEL

if TYPE_CHECKING:
    from ..media.clip_faces import Followed
    from ..media.face_detector import Detector

LANDMARK_MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
"""MediaPipe's Face Landmarker bundle, float16, version 1: the one whose tokens ``landmarks`` means."""


class Face(Encoder):
    modality = "face"
    kind = "sequence"
    alignable = True

    def __init__(
        self,
        *,
        frames: int,
        track: str | None = None,
        follow: "Followed" = "largest",
        model: str | Path | None = None,
        aligned: bool = False,
    ):
        """An encoder of faces.

        Args:
            frames: how many of a clip's frames are looked at, at most.
            track: what follows the face through the clip, ``cascade`` or ``mediapipe``; None: each frame is searched
                by itself.
            follow: which of several faces the track is of; ``active-speaker`` needs ``mediapipe``.
            model: the file of MediaPipe's Face Landmarker, for what runs it.
            aligned: a token for every frame, also for those without a face.

        Raises:
            ParamsError: the active speaker is to be followed by another track than MediaPipe's.
        """
        if follow == "active-speaker" and track != "mediapipe":
            raise ParamsError(
                "features.face.follow: active-speaker needs features.face.track: mediapipe, and it is "
                f"{track or 'null'}"
            )
        self.frames, self.track, self.aligned = frames, track, aligned
        self.follow = follow
        self._landmark_model = model
        following = {"cascade": "scikit-image", "mediapipe": "mediapipe"}.get(track or "")
        if following and following not in self.libraries:
            self.libraries = (*self.libraries, following)
        if follow == "active-speaker" and "soxr" not in self.libraries:
            self.libraries = (*self.libraries, "soxr")

    @property
    def parameters(self) -> dict[str, Any]:
        """The number of frames, whether each of them has a token, and how the face is followed."""
        stated: dict[str, Any] = {"frames": self.frames}
        if self.aligned:
            stated["aligned"] = True
        if self.track is not None:
            stated["track"] = self._track_facts()
        return stated

    def files(self) -> dict[str, Path]:
        """MediaPipe's model, where it is run. Raises SettingsError where it is missing, or is another one."""
        if "mediapipe" not in self.libraries:
            return {}
        return {LANDMARK_MODEL: _checked_model(self._whose, str(self._landmark_model or ""))}

    @classmethod
    def decoding(cls) -> int:
        from ..media.video import VERSION

        return VERSION

    def decode(self, source) -> "media.Frames | FollowedFaces":
        """The frames of a clip; of a track, the face in each."""
        if self.track is None:
            return media.frames(source, count=self.frames)
        return follow(media.ClipFaces(source, self._detector(), followed=self.follow), count=self.frames)

    def decode_cached(self, source, *, digest: str, root: Path) -> "media.Frames | FollowedFaces":
        """As `decode`; a track and the face in its frames are kept for other encoders of faces."""
        if self.track is None:
            return self.decode(source)
        faces = media.CachedFaces(source, self._detector(), digest=digest, root=root, followed=self.follow)
        return follow(faces, count=self.frames)

    def notice(self, medium: "media.Frames | FollowedFaces") -> str | None:
        """Whether a track has a face in few frames only, and whether it is the active speaker's."""
        return medium.notice if isinstance(medium, FollowedFaces) else None

    def coverage(self, medium: "media.Frames | FollowedFaces") -> float | None:
        """Of a track."""
        return medium.track.coverage if isinstance(medium, FollowedFaces) else None

    @property
    def _whose(self) -> str:
        """Who needs the model, for messages."""
        return f"the encoder {self.name!r}" if self.track is None else f"features.face.track: {self.track}"

    def _detector(self) -> "Detector":
        """What finds the faces of a track."""
        if self.track == "cascade":
            return media.CascadeDetector()
        return media.LandmarkDetector(_once_checked_model(self._whose, str(self._landmark_model or "")))

    def _track_facts(self) -> dict[str, Any]:
        from ..media import active_speaker, audio, face, face_regions, face_track, landmark_detector

        speaker = {"follow": [self.follow, active_speaker.VERSION, audio.VERSION]}
        detector = landmark_detector if self.track == "mediapipe" else face
        return {
            "detector": self.track,
            "detector_version": detector.VERSION,
            "detector_weights": LANDMARK_MODEL_SHA256 if self.track == "mediapipe" else None,
            "track_version": face_track.VERSION,
            "region": self._region_facts(face_regions.VERSION),
        } | (speaker if self.follow != "largest" else {})

    def _region_facts(self, version: int) -> Any:
        """Which region of a track is looked at; ``version`` is that of the regions."""
        return [version, SIDE, MARGIN]

    def _boxes(self, medium: "media.Frames | FollowedFaces") -> "list[media.Box | None]":
        """The face in each frame; None where there is none."""
        return medium.boxes if isinstance(medium, FollowedFaces) else media.find_faces(medium.images)

    def _sequence(self, tokens: Sequence[np.ndarray | None]) -> np.ndarray:
        """Each frame's token, None where it has no face, as one sequence. Raises MediaError where none has a face."""
        frames = self.shown([token is not None for token in tokens])
        chosen = [token for at in frames if (token := tokens[at]) is not None]
        return checked(np.stack(chosen), self.feature_names())

    def shown(self, there: Sequence[bool]) -> list[int]:
        """Of which frame the face is that each token shows. Raises MediaError where none has a face.

        Args:
            there: whether a frame has a face.
        """
        found = [at for at, has_face in enumerate(there) if has_face]
        if not found:
            raise MediaError(f"no face found in {len(there)} frames")
        frames = range(len(there)) if self.aligned else found
        return [min(found, key=lambda other: abs(other - at)) for at in frames]


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

    def encode_decoded(self, medium: "media.Frames | FollowedFaces") -> np.ndarray:
        boxes = self._boxes(medium)
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

    def feature_names(self) -> list[str]:
        points = [f"landmark_{n}_{axis}" for n in range(478) for axis in "xyz"]
        return points + [f"blendshape_{n}" for n in range(52)]

    def encode_decoded(self, medium: "media.Frames | FollowedFaces") -> np.ndarray:
        """float32 [pictures with a face, 1486]; [pictures, 1486] where aligned.

        Raises:
            MediaError: no face in any picture.
            SettingsError: the model is missing, or is another one.
        """
        if isinstance(medium, FollowedFaces) and self.track == "mediapipe":
            return self._sequence(self._of_track(medium))
        model = _landmark_model(self._whose, str(self._landmark_model or ""))
        import mediapipe
        from mediapipe.tasks.python import BaseOptions, vision

        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=model), output_face_blendshapes=True
        )
        tokens: list[np.ndarray | None] = []
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

    def _of_track(self, faces: FollowedFaces) -> list[np.ndarray | None]:
        track = faces.track
        return [
            np.concatenate([upright(track.landmarks[at].astype(np.float64)).ravel(), track.blendshapes[at]])
            if track.present[at]
            else None
            for at in faces.frames
        ]


class Blendshapes(Face):
    """MediaPipe's 52 blendshapes, which say what the face does and not whose it is, and the head's pose.

    They need a track of MediaPipe's. The pose is pitch, yaw and roll in radians; see ``media.landmark_detector``.
    """

    name = "blendshapes"
    version = 1
    libraries = ("mediapipe", "av")
    weights = LANDMARK_MODEL_SHA256
    licence = "Apache-2.0"
    dimensions = 52 + 3

    def __init__(self, *, track: str | None = None, **others: Any):
        """As any encoder of faces. Raises ParamsError for another track than MediaPipe's."""
        if track != "mediapipe":
            raise ParamsError(
                f"the encoder 'blendshapes' needs features.face.track: mediapipe, and it is {track or 'null'}"
            )
        super().__init__(track=track, **others)

    def feature_names(self) -> list[str]:
        """MediaPipe's order of blendshapes, then the angles."""
        return [f"blendshape_{n}" for n in range(52)] + ["pitch", "yaw", "roll"]

    def encode_decoded(self, medium: FollowedFaces) -> np.ndarray:
        """float32 [frames with a face, 55]; [frames, 55] where aligned. Raises MediaError: no face in any frame."""
        track = medium.track
        return self._sequence(
            [
                np.concatenate([track.blendshapes[at], np.radians(track.poses[at])])
                if track.present[at]
                else None
                for at in medium.frames
            ]
        )


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
def _landmark_model(whose: str, model: str) -> bytes:
    return _checked_model(whose, model).read_bytes()


@lru_cache(maxsize=1)
def _once_checked_model(whose: str, model: str) -> Path:
    """The model's path: its digest is not taken again for every clip."""
    return _checked_model(whose, model)


def _checked_model(whose: str, model: str) -> Path:
    path = Path(model)
    fix = (
        "install it (EMOFLOW_LANDMARK_MODEL says where) with: emoflow assets add face-landmarker FILE-OR-URL"
    )
    if not path.is_file():
        raise SettingsError(
            f"{whose} needs MediaPipe's face landmark model, which is not at {model!r}; {fix}"
        )
    found = file_digest(path)
    if found != LANDMARK_MODEL_SHA256:
        raise SettingsError(
            f"{path} is not the pinned landmark model: sha256 {found}, expected {LANDMARK_MODEL_SHA256}; {fix}"
        )
    return path
