"""Shared and private parts of each modality, kept apart by losses of their own."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from .experts import Intermediate
from .inner_layers import InnerLayer
from .layers import Dropout, complete
from .output import FusionOutput
from .strategy import Choice, Uniform

MOMENTS = 3


class SharedPrivate(Intermediate):
    """MISA: every embedding once through a common encoder and once through its modality's own, all parts fused.

    Its auxiliary loss: the central moment discrepancy between the modalities' shared parts (equation 6), the
    orthogonality of shared and private (equation 8), and the reconstruction of the embedding from both (equation 10),
    each over the rows that have the modality. Hazarika, Zimmermann & Poria, *MISA: Modality-Invariant and -Specific
    Representations for Multimodal Sentiment Analysis*, ACM MM 2020. The fusion itself is a layer over the
    concatenated parts.
    """

    space: ClassVar = Intermediate.space | {"width": Choice((64,)), "auxiliary_weight": Uniform(0.0, 0.5)}
    encoded: ClassVar[str] = "shared"

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int):
        super().__init__(dimensions, classes, width=width, layers=layers)
        self.shared = nn.Linear(width, width)
        self.private = nn.ModuleDict({name: nn.Linear(width, width) for name in dimensions})
        self.back = nn.ModuleDict({name: nn.Linear(width, width) for name in dimensions})
        self.fuse = nn.Linear(2 * width * len(dimensions), width)
        self.dropout = Dropout()
        self.classifier = nn.Linear(width, classes)

    def inner_layers(self) -> list[InnerLayer]:
        return [InnerLayer("private", each, name) for name, each in self.private.items()]

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        each, alone = self.encode(tokens, present)
        _, present = complete(tokens, present, self.dimensions)
        there = {name: present[name].any(1) for name in each}
        shared = {name: self.shared(x).tanh() for name, x in each.items()}
        private = {name: self.private[name](x).tanh() for name, x in each.items()}
        parts = torch.cat([*shared.values(), *private.values()], dim=-1)  # [B, 2 M W]
        embedding = self.dropout(nn.functional.gelu(self.fuse(parts)))
        rebuilt = {name: self.back[name](shared[name] + private[name]) for name in each}
        loss = (
            discrepancy(shared, there)
            + sum(orthogonality(shared[name], private[name], there[name]) for name in each)
            + sum(mean_over(there[name], (rebuilt[name] - x).square().mean(-1)) for name, x in each.items())
        )
        return FusionOutput(
            self.classifier(embedding), embedding, alone, {"loss": loss}, per_modality_embeddings=shared
        )


def mean_over(there: Tensor, x: Tensor) -> Tensor:
    """The mean over the rows that are there: ``[B], [B, …] → […]``; zeros where none is."""
    mask = there.to(x.dtype).view(-1, *[1] * (x.dim() - 1))
    return (x * mask).sum(0) / mask.sum(0).clamp(min=1.0)


def discrepancy(parts: dict[str, Tensor], there: dict[str, Tensor]) -> Tensor:
    """Central moment discrepancy (Zellinger et al. 2017) of parts ``[B, W]`` within ±1: the mean over pairs, ``[]``."""
    moments = {}
    for name, x in parts.items():
        mean = mean_over(there[name], x)
        centred = [mean_over(there[name], (x - mean) ** k) for k in range(2, MOMENTS + 1)]
        moments[name] = torch.stack([mean, *centred])
    names = list(parts)
    total = next(iter(parts.values())).new_zeros(())
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            total = total + ((moments[one] - moments[other]).square().sum(-1) + 1e-12).sqrt().sum()
    return total / max(1, len(names) * (len(names) - 1) // 2)


def orthogonality(shared: Tensor, private: Tensor, there: Tensor) -> Tensor:
    """The mean squared entry of ``SᵀP`` over rows of unit length: 0 where no direction is in both."""
    mask = there.to(shared.dtype).unsqueeze(-1)
    unit = [nn.functional.normalize(x, dim=-1, eps=1e-6) * mask for x in (shared, private)]
    return (unit[0].T @ unit[1] / mask.sum().clamp(min=1.0)).square().sum()
