"""Picture models on the face: ViT, DINOv2, and the vision towers of CLIP and SigLIP."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import media
from ..face import Face
from ..followed_faces import FollowedFaces
from .architecture import OutOfDeviceMemory, configuration, processor
from .folder import ModelFolder
from .model import Pretrained
from .spec import PretrainedSpec

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

POOLED = ("clip", "clip_vision_model", "siglip", "siglip_vision_model")
"""Models that were trained by their pooled output. The others have a class token; their pooled output is that, or a
head that a checkpoint may lack."""


class Pictures(Pretrained, Face):
    """A token for each sampled frame with a face in it, of the face in colour."""

    version = 1
    tunable = True
    libraries = (*Pretrained.libraries, "av", "pillow", "scikit-image")
    margin = 0.25
    """Added to the face's box on each side, as a share of it: the cascade's box goes from the brows to the mouth."""
    batch = 16
    """Pictures that are encoded at once; fewer where a GPU's memory is full."""

    def __init__(self, spec: PretrainedSpec, folder: ModelFolder, **of_faces: Any):
        """A picture model; ``of_faces`` is as any encoder of faces takes it."""
        Face.__init__(self, **of_faces)
        Pretrained.__init__(self, spec, folder)

    @property
    def extra_parameters(self) -> dict[str, Any]:
        return super(Pretrained, self).parameters | {"margin": self.margin}

    def files(self) -> dict[str, Path]:
        """The model's folder, and what follows the face."""
        return Pretrained.files(self) | Face.files(self)

    @classmethod
    def decoding(cls) -> int:
        from ...media.face import VERSION

        return super().decoding() * 1000 + VERSION

    def default_layers(self) -> int | None:
        """The pooled output of a model that was trained by it, else the last state."""
        return None if configuration(self.folder.path).model_type in POOLED else self.depth

    @cached_property
    def processor(self) -> Any:
        """The model's own image processor; Pillow's, so that torchvision makes no difference."""
        return processor("AutoImageProcessor", self.folder.path, backend="pil")

    def encode_decoded(self, medium: media.Frames | FollowedFaces) -> np.ndarray:
        """Encode a clip's frames.

        Returns:
            float32 [frames with a face, D]; [frames, D] where aligned; [1, D] where pooled.

        Raises:
            MediaError: no face in any frame.
        """
        faces = self.faces(medium)
        found = iter(self._tokens([face for face in faces if face is not None]))
        sequence = self._sequence([None if face is None else next(found) for face in faces])
        return self.pooled([sequence])

    def faces(self, medium: media.Frames | FollowedFaces) -> list[np.ndarray | None]:
        """The face in each frame in colour, uint8 [H, H, 3] of its own size; None where there is none."""
        return [
            media.crop(
                image, box, size=max(1, round(box.grown(self.margin).size)), margin=self.margin, colour=True
            )
            if box
            else None
            for image, box in zip(medium.images, self._boxes(medium), strict=True)
        ]

    def _tokens(self, faces: list[np.ndarray]) -> list[np.ndarray]:
        """A token [D] for each picture, uint8 [H, W, 3]."""
        from PIL import Image

        tokens: list[np.ndarray] = []
        while len(tokens) < len(faces):
            pictures = [Image.fromarray(face) for face in faces[len(tokens) : len(tokens) + self.batch]]
            try:
                tokens += list(self._of_batch(pictures).numpy())
            except OutOfDeviceMemory:
                if self.batch == 1:
                    raise
                self.batch //= 2
                print(
                    f"{self.name}: the memory of {self.device} is full; going on with {self.batch} pictures at once"
                )
        return tokens

    def _of_batch(self, pictures: list[Image.Image]) -> Tensor:
        """``[B, D]`` of so many pictures."""
        return self.token_of(self.loaded, *self.states(**self.inputs(pictures))).cpu()

    def inputs(self, pictures: list[Image.Image]) -> dict[str, Tensor]:
        """What the model is given of so many pictures: ``[B, 3, H, W]``."""
        return {"pixel_values": self.processor(images=pictures, return_tensors="pt")["pixel_values"]}

    def token_of(self, model: Any, states: Sequence[Tensor], output: Any) -> Tensor:
        """What is taken of a model's states, or of its pooled output: a token for each picture, ``[B, D]``.

        Args:
            model: as `loaded`.
            states, output: as `Pretrained.states` gives them.
        """
        if self.layers is None:
            pooled: Tensor = output.pooler_output
            return pooled
        state = self.choice.of_states(states)
        embeddings = model.embeddings
        has_class = any(hasattr(embeddings, name) for name in ("cls_token", "class_embedding"))
        return state[:, 0] if has_class else state.mean(1)
