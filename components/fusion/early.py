"""Early fusion: the features meet before anything is learned of them."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from .inner_layers import InnerLayer, numbered
from .layers import (
    AbsentToken,
    Dropout,
    Perceptron,
    SelfLayer,
    complete,
    masked_mean,
    position_code,
    resample,
)
from .output import FusionOutput
from .strategy import Choice, Log, Strategy, Uniform

SPACE: dict[str, Choice | Uniform | Log] = {
    "width": Choice((128,)),
    "layers": Choice((1, 2)),
    "modality_dropout": Uniform(0.0, 0.3),
}


class EarlySummation(Strategy):
    """Prepared features pooled over time, each modality's brought to one width by a linear map, their mean over the
    modalities that are present, then one perceptron."""

    space: ClassVar = SPACE

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int):
        super().__init__(dimensions, classes)
        self.project = nn.ModuleDict({name: nn.Linear(size, width) for name, size in dimensions.items()})
        self.encoder = Perceptron(width, width, layers)
        self.classifier = nn.Linear(width, classes)

    def inner_layers(self) -> list[InnerLayer]:
        projected = [InnerLayer("projected", each, name) for name, each in self.project.items()]
        hidden = numbered("hidden layer", self.encoder.dropouts[:-1])  # the last one gives the embedding
        return projected + hidden

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

    def inner_layers(self) -> list[InnerLayer]:
        return numbered("hidden layer", self.encoder.dropouts[:-1])  # the last one gives the embedding

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        tokens, present = complete(tokens, present, self.dimensions)
        pooled = [
            self.absent[name](masked_mean(tokens[name], present[name]), present[name].any(1))
            for name in self.modalities
        ]
        embedding = self.encoder(torch.cat(pooled, dim=-1))  # [B, W]
        return FusionOutput(self.classifier(embedding), embedding)


class ResampledConcatenation(Strategy):
    """Every modality's prepared features resampled to as many steps, concatenated at each, into a transformer.

    ``Z ← Tf(W [x_A(t), x_B(t), …])``: what MultiBench calls the early fusion transformer (Liang et al., NeurIPS 2021
    datasets and benchmarks) and, with a recurrent network in its place, EF-LSTM (Tsai et al., ACL 2019, section 4.2).
    A learned vector stands for the features of what a row lacks.
    """

    space: ClassVar = SPACE | {"width": Choice((64,)), "heads": Choice((4,)), "slots": Choice((8, 16))}
    architecture_keys: ClassVar[tuple[str, ...]] = ("width", "layers", "heads", "slots")

    def __init__(
        self,
        dimensions: dict[str, int],
        classes: int,
        *,
        width: int,
        layers: int,
        heads: int,
        slots: int,
    ):
        super().__init__(dimensions, classes)
        self.slots = slots
        self.absent = nn.ModuleDict({name: AbsentToken(size) for name, size in dimensions.items()})
        self.input_dropout = Dropout("input_dropout")
        self.project = nn.Linear(sum(dimensions.values()), width)
        self.layers = nn.ModuleList(SelfLayer(width, heads) for _ in range(layers))
        self.dropout = Dropout()
        self.classifier = nn.Linear(width, classes)

    def inner_layers(self) -> list[InnerLayer]:
        return [InnerLayer("joined", self.project), *numbered("block", self.layers)]

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        tokens, present = complete(tokens, present, self.dimensions)
        each = [
            self.absent[name](
                resample(tokens[name], present[name], self.slots), present[name].any(1)[:, None]
            )
            for name in self.modalities
        ]
        x = self.project(self.input_dropout(torch.cat(each, dim=-1)))  # [B, slots, W]
        x = nn.functional.gelu(x)
        x = x + 0.1 * position_code(self.slots, x.shape[-1], x)
        mask = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
        for layer in self.layers:
            x = layer(x, mask)
        embedding = x.mean(1)
        return FusionOutput(self.classifier(self.dropout(embedding)), embedding)
