"""Shared and private parts of each modality, kept apart by losses of their own."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from .experts import Expert
from .layers import AbsentToken, Dropout, complete
from .output import FusionOutput
from .strategy import Choice, Strategy, Uniform

MOMENTS = 3


class SharedPrivate(Strategy):
    """MISA: every embedding once through a common encoder and once through its modality's own, all parts fused.

    Its auxiliary loss: the central moment discrepancy between the modalities' shared parts (equation 6), the
    orthogonality of shared and private (equation 8), and the reconstruction of the embedding from both (equation 10),
    each over the rows that have the modality. Hazarika, Zimmermann & Poria, *MISA: Modality-Invariant and -Specific
    Representations for Multimodal Sentiment Analysis*, ACM MM 2020. The fusion itself is a layer over the
    concatenated parts.
    """

    space: ClassVar = {
        "width": Choice((64,)),
        "layers": Choice((1, 2)),
        "modality_dropout": Uniform(0.0, 0.3),
        "unimodal_weight": Uniform(0.0, 0.7),
        "auxiliary_weight": Uniform(0.0, 0.5),
    }

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int):
        super().__init__(dimensions, classes)
        self.experts = nn.ModuleDict(
            {name: Expert(size, classes, width=width, layers=layers) for name, size in dimensions.items()}
        )
        self.shared = nn.Linear(width, width)
        self.private = nn.ModuleDict({name: nn.Linear(width, width) for name in dimensions})
        self.back = nn.ModuleDict({name: nn.Linear(width, width) for name in dimensions})
        self.absent = nn.ModuleDict({name: AbsentToken(2 * width) for name in dimensions})
        self.fuse = nn.Linear(2 * width * len(dimensions), width)
        self.dropout = Dropout()
        self.classifier = nn.Linear(width, classes)

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        tokens, present = complete(tokens, present, self.dimensions)
        made = {name: self.experts[name](tokens[name], present[name]) for name in self.modalities}
        there = {name: present[name].any(1) for name in self.modalities}
        shared = {name: self.shared(x).tanh() for name, (x, _) in made.items()}
        private = {name: self.private[name](x).tanh() for name, (x, _) in made.items()}
        parts = [
            self.absent[name](torch.cat((shared[name], private[name]), dim=-1), there[name]) for name in made
        ]
        embedding = self.dropout(nn.functional.gelu(self.fuse(torch.cat(parts, dim=-1))))
        rebuilt = {name: self.back[name](shared[name] + private[name]) for name in made}
        loss = (
            discrepancy(shared, there)
            + sum(orthogonality(shared[name], private[name], there[name]) for name in made)
            + sum(
                mean_over(there[name], (rebuilt[name] - x).square().mean(-1)) for name, (x, _) in made.items()
            )
        )
        return FusionOutput(
            self.classifier(embedding),
            embedding,
            {name: made[name][1] for name in made},
            {"loss": loss},
        )


def mean_over(there: Tensor, x: Tensor) -> Tensor:
    """The mean over the rows that are there: ``[B], [B, …] → […]``; zeros where none is."""
    mask = there.to(x.dtype).view(-1, *[1] * (x.dim() - 1))
    return (x * mask).sum(0) / mask.sum(0).clamp(min=1.0)


def discrepancy(parts: dict[str, Tensor], there: dict[str, Tensor]) -> Tensor:
    """Central moment discrepancy (Zellinger et al. 2017), summed over pairs of modalities: of ``[B, W]`` within ±1."""
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
