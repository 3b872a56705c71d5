"""What a process needs to open an encoder for training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ...parallel import Recipe
from ..model import Pretrained
from .model import TunedModel


@dataclass(frozen=True)
class Tunable:
    """All that it takes to open a `TunedModel`, in any process.

    Attributes:
        recipe: of the modality, as which the features were made.
        encoder: name of the one that is tuned.
        rank: of LoRA's updates; None: all weights are trained.
        checkpointing: whether activations are computed again in the backward pass rather than kept.
        sources: utterance id → what it is made from, as `TunedModel` takes it.
        cache: the folder where decoded pictures are kept; None where nothing is.
    """

    recipe: Recipe
    encoder: str
    rank: int | None
    checkpointing: bool
    sources: Mapping[str, Any]
    cache: Path | None = None

    def __call__(self, seed: int, device: str) -> TunedModel:
        """The model as it is before the first step.

        Args:
            seed: of LoRA's initial weights.
            device: "cpu" or "cuda".

        Raises:
            SettingsError: a model that cannot be tuned so.
        """
        (encoder,) = [each for each in self.recipe.encoders() if each.name == self.encoder]
        tuned = TunedModel(
            cast(Pretrained, encoder), rank=self.rank, seed=seed, sources=self.sources, cache=self.cache
        )
        if self.checkpointing:
            tuned.save_memory()
        tuned.module.to(device)
        return tuned
