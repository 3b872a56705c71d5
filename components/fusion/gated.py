"""Gated fusion: each modality's share is decided anew for each utterance."""

import torch
from torch import Tensor, nn

from .experts import Intermediate
from .layers import Dropout
from .output import FusionOutput


class Gated(Intermediate):
    """Gated multimodal units: ``h = Σ_m z_m ⊙ tanh(W_m e_m)`` with gates ``z_m = σ(V_m [e_1, …, e_M])``.

    Arevalo et al., *Gated Multimodal Units for Information Fusion*, ICLR 2017 workshop, in the form for more than two
    modalities.
    """

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int):
        super().__init__(dimensions, classes, width=width, layers=layers)
        self.value = nn.ModuleDict({name: nn.Linear(width, width) for name in dimensions})
        self.gate = nn.ModuleDict({name: nn.Linear(width * len(dimensions), width) for name in dimensions})
        self.dropout = Dropout()
        self.classifier = nn.Linear(width, classes)

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        each, alone = self.encode(tokens, present)
        everything = torch.cat(list(each.values()), dim=-1)  # [B, M W]
        embedding = sum(
            self.gate[name](everything).sigmoid() * self.value[name](x).tanh() for name, x in each.items()
        )
        return FusionOutput(
            self.classifier(self.dropout(embedding)), embedding, alone, per_modality_embeddings=each
        )
