"""Early fusion: the features meet before anything is learned of them."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from .layers import AbsentToken, Perceptron, complete, masked_mean
from .output import FusionOutput
from .strategy import Choice, Strategy, Uniform

SPACE = {"width": Choice((128,)), "layers": Choice((1, 2)), "modality_dropout": Uniform(0.0, 0.3)}


class EarlySummation(Strategy):
    """Prepared features pooled over time, each modality's brought to one width by a linear map, their mean over the
    modalities that are present, then one perceptron."""

    space: ClassVar = SPACE

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int):
        super().__init__(dimensions, classes)
        self.project = nn.ModuleDict({name: nn.Linear(size, width) for name, size in dimensions.items()})
        self.encoder = Perceptron(width, width, layers)
        self.classifier = nn.Linear(width, classes)

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        tokens, present = complete(tokens, present, self.dimensions)
        there = torch.stack([present[name].any(1) for name in self.modalities], dim=-1)  # [B, M]
        each = torch.stack(
            [self.project[name](masked_mean(tokens[name], present[name])) for name in self.modalities], dim=1
        )
        embedding = self.encoder(masked_mean(each, there))
        return FusionOutput(self.classifier(embedding), embedding)


class EarlyConcatenation(Strategy):
    """Prepared features pooled over time, concatenated, into one perceptron."""

    space: ClassVar = SPACE

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int):
        super().__init__(dimensions, classes)
        self.absent = nn.ModuleDict({name: AbsentToken(size) for name, size in dimensions.items()})
        self.encoder = Perceptron(sum(dimensions.values()), width, layers)
        self.classifier = nn.Linear(width, classes)

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        tokens, present = complete(tokens, present, self.dimensions)
        pooled = [
            self.absent[name](masked_mean(tokens[name], present[name]), present[name].any(1))
            for name in self.modalities
        ]
        embedding = self.encoder(torch.cat(pooled, dim=-1))  # [B, W]
        return FusionOutput(self.classifier(embedding), embedding)
