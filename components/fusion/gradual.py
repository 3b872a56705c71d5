"""Gradual (slow) fusion: modalities join one after another, each time into what has been fused so far."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from .experts import Intermediate
from .layers import Dropout
from .output import FusionOutput
from .strategy import Choice


class Gradual(Intermediate):
    """``h ← f_1(e_1, e_2)``, then ``h ← f_k(h, e_{k+1})``: a layer for each modality that joins.

    Karpathy et al., *Large-scale Video Classification with Convolutional Neural Networks*, CVPR 2014, whose slow fusion
    is over time; here it is over modalities. ``last`` names who joins last: the modalities in their order, turned round
    by so many places.
    """

    space: ClassVar = Intermediate.space | {"last": Choice((0, 1, 2))}
    architecture_keys: ClassVar = ("width", "layers", "last")

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int, last: int):
        super().__init__(dimensions, classes, width=width, layers=layers)
        start = (last + 1) % len(dimensions)
        self.order = [*self.modalities[start:], *self.modalities[:start]]
        self.join = nn.ModuleList(nn.Linear(2 * width, width) for _ in self.order[1:])
        self.dropouts = nn.ModuleList(Dropout() for _ in self.order[1:])
        self.classifier = nn.Linear(width, classes)

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        each, alone = self.encode(tokens, present)
        embedding = each[self.order[0]]
        for join, dropout, name in zip(self.join, self.dropouts, self.order[1:], strict=True):
            embedding = dropout(nn.functional.gelu(join(torch.cat((embedding, each[name]), dim=-1))))
        return FusionOutput(self.classifier(embedding), embedding, alone, per_modality_embeddings=each)
