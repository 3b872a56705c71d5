"""One modality alone: the baseline that every fusion must beat."""

from typing import ClassVar

import torch
from torch import Tensor

from .experts import Expert
from .layers import complete
from .output import FusionOutput
from .posteriors import OfPosteriors, Posterior
from .strategy import Choice


class Unimodal(OfPosteriors):
    """An expert of its own; of posteriors themselves, with a temperature."""

    space: ClassVar = {"width": Choice((128,)), "layers": Choice((1, 2))}

    def __init__(
        self,
        dimensions: dict[str, int],
        classes: int,
        *,
        width: int,
        layers: int,
        posteriors: frozenset[str] = frozenset(),
    ):
        super().__init__(dimensions, classes, posteriors)
        assert len(dimensions) == 1, f"one modality, not {list(dimensions)}"
        (self.modality,) = dimensions
        self.expert = (
            Posterior()
            if posteriors
            else Expert(dimensions[self.modality], classes, width=width, layers=layers)
        )

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        tokens, present = complete(tokens, present, self.dimensions)
        made = self.expert(tokens[self.modality], present[self.modality])
        if not self.posteriors:
            embedding, logits = made
            return FusionOutput(logits, embedding)
        (decided,) = self.tempered(made.unsqueeze(-2)).unbind(-2)
        return FusionOutput(decided, torch.zeros_like(made), {self.modality: made})
