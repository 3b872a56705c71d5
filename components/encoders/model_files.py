"""Where encoders find the models that they run (on this machine, or packed with a published model), and run them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LANDMARK_MODEL = "face_landmarker.task"
PRETRAINED = "encoders"
"""Names below a published model's folder: of MediaPipe's file, and of the folder of Hugging Face models."""


@dataclass(frozen=True)
class ModelFiles:
    """Where encoders find the models that they run, and where they run them.

    Attributes:
        landmark_model: MediaPipe's model file, for the encoder ``landmarks``.
        pretrained: the folder of Hugging Face models, one folder each, by name.
        packed: the folder is that of a published model, which nothing outside it replaces.
        device: ``cpu`` or ``cuda``: where Hugging Face models run.
    """

    landmark_model: Path | None = None
    pretrained: Path | None = None
    packed: bool = False
    device: str = "cpu"

    @classmethod
    def packed_in(cls, folder: Path) -> ModelFiles:
        """Those of a published model.

        Args:
            folder: of ``model.json``.
        """
        return cls(folder / LANDMARK_MODEL, folder / PRETRAINED, packed=True)


NO_MODELS = ModelFiles()
"""Nowhere but what is stated as a path, and the cache of Hugging Face."""
