"""Intermediate fusion: each modality is encoded for itself, and the embeddings meet."""

import torch
from torch import Tensor, nn

from .experts import Intermediate
from .layers import Dropout
from .output import FusionOutput


class IntermediateConcatenation(Intermediate):
    """The embeddings concatenated, into one hidden layer and a classifier."""

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int):
        super().__init__(dimensions, classes, width=width, layers=layers)
        self.fuse = nn.Linear(width * len(dimensions), width)
        self.dropout = Dropout()
        self.classifier = nn.Linear(width, classes)

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        each, alone = self.encode(tokens, present)
        embedding = self.dropout(
            nn.functional.gelu(self.fuse(torch.cat(list(each.values()), dim=-1)))
        )  # [B, W]
        return FusionOutput(self.classifier(embedding), embedding, alone, per_modality_embeddings=each)
