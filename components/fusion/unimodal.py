"""One modality alone: the baseline that every fusion must beat."""

from typing import ClassVar

from torch import Tensor, nn

from .layers import Perceptron, complete, masked_mean
from .output import FusionOutput
from .strategy import Choice, Strategy


class Expert(nn.Module):
    """A perceptron over each token, the mean over those present, a linear classifier."""

    def __init__(self, inputs: int, classes: int, *, width: int, layers: int):
        super().__init__()
        self.encoder = Perceptron(inputs, width, layers)
        self.classifier = nn.Linear(width, classes)

    def forward(self, x: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """``[B, T, D], [B, T] → embedding [B, W], logits [B, C]``."""
        embedding = masked_mean(self.encoder(x), present)
        return embedding, self.classifier(embedding)


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
