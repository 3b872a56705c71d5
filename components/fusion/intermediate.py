"""Intermediate fusion: each modality is encoded for itself, and the embeddings meet."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from .layers import AbsentToken, Dropout, complete
from .output import FusionOutput
from .strategy import Choice, Strategy, Uniform
from .unimodal import Expert


class IntermediateConcatenation(Strategy):
    """Embeddings of one encoder a modality, concatenated, into one hidden layer and a classifier."""

    space: ClassVar = {
        "width": Choice((128,)),
        "layers": Choice((1, 2)),
        "modality_dropout": Uniform(0.0, 0.3),
        "unimodal_weight": Uniform(0.0, 0.7),
    }

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int):
        super().__init__(dimensions, classes)
        self.experts = nn.ModuleDict(
            {name: Expert(size, classes, width=width, layers=layers) for name, size in dimensions.items()}
        )
        self.absent = nn.ModuleDict({name: AbsentToken(width) for name in dimensions})
        self.fuse = nn.Linear(width * len(dimensions), width)
        self.dropout = Dropout()
        self.classifier = nn.Linear(width, classes)

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        tokens, present = complete(tokens, present, self.dimensions)
        made = {name: self.experts[name](tokens[name], present[name]) for name in self.modalities}
        embeddings = [self.absent[name](made[name][0], present[name].any(1)) for name in self.modalities]
        embedding = self.dropout(nn.functional.gelu(self.fuse(torch.cat(embeddings, dim=-1))))  # [B, W]
        return FusionOutput(
            self.classifier(embedding), embedding, {name: made[name][1] for name in self.modalities}
        )
