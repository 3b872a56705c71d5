"""One modality alone: the baseline that every fusion must beat."""

from typing import ClassVar

from torch import Tensor

from .experts import Expert
from .layers import complete
from .output import FusionOutput
from .strategy import Choice, Strategy


class Unimodal(Strategy):
    space: ClassVar = {"width": Choice((128,)), "layers": Choice((1, 2))}

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int):
        super().__init__(dimensions, classes)
        assert len(dimensions) == 1, f"one modality, not {list(dimensions)}"
        (self.modality,) = dimensions
        self.expert = Expert(dimensions[self.modality], classes, width=width, layers=layers)

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        tokens, present = complete(tokens, present, self.dimensions)
        embedding, logits = self.expert(tokens[self.modality], present[self.modality])
        return FusionOutput(logits, embedding)
