"""Late fusion: each modality decides for itself, and the decisions are averaged."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from .layers import complete
from .output import FusionOutput
from .strategy import Choice, Strategy
from .unimodal import Expert

EM_STEPS = 50


class LateAverage(Strategy):
    """The mean of the probabilities of one expert a modality, over the modalities that are present.

    Each expert is trained by its own loss alone, as if no other were there.
    """

    space: ClassVar = {"width": Choice((128,)), "layers": Choice((1, 2))}
    defaults: ClassVar = {"unimodal_weight": 1.0}

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int):
        super().__init__(dimensions, classes)
        self.experts = nn.ModuleDict(
            {name: Expert(size, classes, width=width, layers=layers) for name, size in dimensions.items()}
        )
        self.register_buffer("weights", torch.full((len(dimensions),), 1.0 / len(dimensions)))

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        tokens, present = complete(tokens, present, self.dimensions)
        made = {name: self.experts[name](tokens[name], present[name]) for name in self.modalities}
        there = torch.stack([present[name].any(1) for name in self.modalities], dim=-1)  # [B, M]
        logits = {name: made[name][1] for name in self.modalities}
        probabilities = torch.stack(
            [logits[name].softmax(-1) for name in self.modalities], dim=1
        )  # [B, M, C]
        embedding = torch.cat([made[name][0] for name in self.modalities], dim=-1)
        return FusionOutput(pool(probabilities, there, self.weights).log(), embedding, logits)


class LateWeighted(LateAverage):
    """As `LateAverage`, with weights of largest likelihood on validation rows."""

    @staticmethod
    def fit_on_validation(
        per_modality_logits: dict[str, Tensor], there: Tensor, target: Tensor
    ) -> dict[str, Tensor]:
        logits = torch.stack(list(per_modality_logits.values()), dim=-2)  # [K, N, M, C]
        index = target.view(1, -1, 1, 1).expand(*logits.shape[:-1], 1)
        likelihood = logits.softmax(-1).gather(-1, index).squeeze(-1)  # [K, N, M]
        return {"weights": mixture_weights(likelihood, there)}


def pool(probabilities: Tensor, there: Tensor, weights: Tensor) -> Tensor:
    """The linear opinion pool of those present: ``[B, M, C], [B, M], [M] → [B, C]``, summing to 1.

    Weights are shared out anew among the modalities of a row; a row without any gets the uniform distribution.
    """
    share = (weights + 1e-6) * there  # the small term: one of weight 0 still speaks where it is alone
    total = share.sum(-1, keepdim=True)
    pooled = (share.unsqueeze(-1) * probabilities).sum(-2) / total.clamp(min=1e-9)
    classes = probabilities.shape[-1]
    return torch.where(total > 0, pooled, 1.0 / classes).clamp(min=1e-9)


def mixture_weights(likelihood: Tensor, there: Tensor) -> Tensor:
    """The simplex weights under which a mixture of experts gives the labels the largest likelihood, by EM.

    The problem is concave and each step of EM goes up, so there is nothing to tune.

    Args:
        likelihood: ``[K, N, M]``, what each expert gives to the true class.
        there: bool ``[N, M]``.

    Returns:
        ``[K, M]``.
    """
    count = likelihood.shape[-1]
    weights = likelihood.new_full((likelihood.shape[0], count), 1.0 / count)
    likelihood = likelihood * there
    seen = there.any(-1).sum().clamp(min=1)
    for _ in range(EM_STEPS):
        part = weights.unsqueeze(1) * likelihood
        responsibility = part / part.sum(-1, keepdim=True).clamp(min=1e-12)
        weights = (responsibility.sum(1) / seen).clamp(min=1e-6)
        weights = weights / weights.sum(-1, keepdim=True)
    return weights
