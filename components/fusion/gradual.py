"""Gradual (slow) fusion: modalities join one after another, each time into what has been fused so far."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from .layers import AbsentToken, Dropout, complete
from .output import FusionOutput
from .strategy import Choice, Strategy, Uniform
from .unimodal import Expert


class Gradual(Strategy):
    """``h ← f_1(e_1, e_2)``, then ``h ← f_k(h, e_{k+1})``: a layer for each modality that joins.

    Karpathy et al., *Large-scale Video Classification with Convolutional Neural Networks*, CVPR 2014 (slow fusion, of
    time); for modalities: Shutova, Kelia & Maillard 2016, D'Mello & Kory 2015. ``last`` names who joins last: the
    modalities in their order, turned round by so many places.
    """

    space: ClassVar = {
        "width": Choice((128,)),
        "layers": Choice((1, 2)),
        "last": Choice((0, 1, 2)),
        "modality_dropout": Uniform(0.0, 0.3),
        "unimodal_weight": Uniform(0.0, 0.7),
    }
    architecture_keys: ClassVar = ("width", "layers", "last")

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int, last: int):
        super().__init__(dimensions, classes)
        start = (last + 1) % len(dimensions)
        self.order = [*self.modalities[start:], *self.modalities[:start]]
        self.experts = nn.ModuleDict(
            {name: Expert(size, classes, width=width, layers=layers) for name, size in dimensions.items()}
        )
        self.absent = nn.ModuleDict({name: AbsentToken(width) for name in dimensions})
        self.join = nn.ModuleList(nn.Linear(2 * width, width) for _ in self.order[1:])
        self.dropouts = nn.ModuleList(Dropout() for _ in self.order[1:])
        self.classifier = nn.Linear(width, classes)

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        tokens, present = complete(tokens, present, self.dimensions)
        made = {name: self.experts[name](tokens[name], present[name]) for name in self.modalities}
        each = [self.absent[name](made[name][0], present[name].any(1)) for name in self.order]
        embedding = each[0]
        for join, dropout, x in zip(self.join, self.dropouts, each[1:], strict=True):
            embedding = dropout(nn.functional.gelu(join(torch.cat((embedding, x), dim=-1))))
        return FusionOutput(self.classifier(embedding), embedding, {name: made[name][1] for name in made})
