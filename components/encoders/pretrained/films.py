"""Film models on the face: VideoMAE, which sees frames of one face in groups of 16."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import media
from ...errors import MediaError, ParamsError
from ..followed_faces import FollowedFaces
from .architecture import configuration
from .folder import ModelFolder
from .pictures import Pictures
from .spec import PretrainedSpec


class Films(Pictures):
    """A token for every two frames, of the face in colour.

    VideoMAE (Tong et al. 2022) cuts a film of 16 frames into cubes of two frames by 16 × 16 pixels. The states of the
    cubes of the same two frames are averaged. Where a frame has no face, that of the nearest frame with one stands in.
    """

    version = 1
    tunable = False

    def __init__(self, spec: PretrainedSpec, folder: ModelFolder, *, frames: int, **of_faces: Any):
        """A film model.

        Args:
            spec: of the encoder.
            folder: of the model.
            frames: how many of a clip's frames are looked at, at most.
            of_faces: as any encoder of faces takes them.

        Raises:
            ParamsError: the frames are not so many as the model sees at once, or a multiple of them; or as
                `Pretrained` does.
        """
        super().__init__(spec, folder, frames=frames, **of_faces)
        config = configuration(folder.path)
        self.seen_at_once: int = config.num_frames
        self.frames_per_token: int = config.tubelet_size
        if frames % self.seen_at_once:
            raise ParamsError(
                f"the encoder {spec.hf} sees {self.seen_at_once} frames at once, and features.face.frames is {frames}; "
                f"set it to {self.seen_at_once} or to a multiple"
            )

    def default_layers(self) -> int:
        """The output."""
        return self.depth

    def encode_decoded(self, medium: media.Frames | FollowedFaces) -> np.ndarray:
        """Encode a clip's frames.

        A clip of fewer frames than a whole number of films is slowed down to that number.

        Returns:
            float32 [frames / 2, D]; [frames, D] where aligned; [1, D] where pooled.

        Raises:
            MediaError: no face in any frame.
        """
        faces = self.faces(medium)
        found = [at for at, face in enumerate(faces) if face is not None]
        if not found:
            raise MediaError(f"no face found in {len(faces)} frames")
        films = -(-len(faces) // self.seen_at_once)
        length = films * self.seen_at_once
        shown = np.arange(length) * len(faces) // length
        nearest = [min(found, key=lambda other: abs(other - at)) for at in shown]
        tokens = np.concatenate(
            [
                self._of_film([faces[at] for at in nearest[begin : begin + self.seen_at_once]])
                for begin in range(0, length, self.seen_at_once)
            ]
        )
        if self.aligned:
            first = np.searchsorted(shown, np.arange(len(faces)))
            tokens = tokens[first // self.frames_per_token]
        return self.pooled([tokens])

    def _of_film(self, faces: list[np.ndarray | None]) -> np.ndarray:
        """The faces of as many frames as are seen at once: float32 [frames / 2, D]."""
        from PIL import Image

        pictures = [Image.fromarray(face) for face in faces]
        inputs = self.processor(images=pictures, return_tensors="pt")
        cubes, _ = self.taken(pixel_values=inputs["pixel_values"])
        return cubes[0].unflatten(0, (len(faces) // self.frames_per_token, -1)).mean(1).numpy()
