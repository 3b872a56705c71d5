"""Gated fusion: each modality's share is decided anew for each utterance."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from .layers import AbsentToken, Dropout, complete
from .output import FusionOutput
from .strategy import Choice, Strategy, Uniform
from .unimodal import Expert


class Gated(Strategy):
    """Gated multimodal units: ``h = Σ_m z_m ⊙ tanh(W_m e_m)`` with gates ``z_m = σ(V_m [e_1, …, e_M])``.

    Arevalo et al., *Gated Multimodal Units for Information Fusion*, ICLR 2017 workshop, in the form for more than two
    modalities.
    """

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
        self.value = nn.ModuleDict({name: nn.Linear(width, width) for name in dimensions})
        self.gate = nn.ModuleDict({name: nn.Linear(width * len(dimensions), width) for name in dimensions})
        self.dropout = Dropout()
        self.classifier = nn.Linear(width, classes)

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        tokens, present = complete(tokens, present, self.dimensions)
        made = {name: self.experts[name](tokens[name], present[name]) for name in self.modalities}
        each = {name: self.absent[name](made[name][0], present[name].any(1)) for name in self.modalities}
        everything = torch.cat(list(each.values()), dim=-1)  # [B, M W]
        embedding = sum(
            self.gate[name](everything).sigmoid() * self.value[name](x).tanh() for name, x in each.items()
        )
        return FusionOutput(
            self.classifier(self.dropout(embedding)), embedding, {name: made[name][1] for name in made}
        )
