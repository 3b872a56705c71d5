"""Late fusion: each modality decides for itself, and the decisions are combined by a rule, or by fitted weights."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from .layers import complete
from .output import FusionOutput
from .strategy import Choice, Strategy
from .unimodal import Expert

EM_STEPS = 50
STACKING_STEPS = 200
RIDGE = 0.02


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
        embedding = torch.cat([made[name][0] for name in self.modalities], dim=-1)
        fused = self._decide(torch.stack(list(logits.values()), dim=1), there)
        return FusionOutput(fused, embedding, logits)

    def _decide(self, logits: Tensor, there: Tensor) -> Tensor:
        """``[B, M, C], [B, M] → [B, C]``."""
        return pool(logits.softmax(-1), there, self.weights).log()


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


class LateProduct(LateAverage):
    """The product of the probabilities of those present: Bayes' rule where modalities are independent given the class.

    ``P(y | x_1 … x_M) ∝ P(y)^(1 - M) Π_m P(y | x_m)``; the prior is taken as even, as the experts are trained on
    classes of about one size.
    """

    def _decide(self, logits: Tensor, there: Tensor) -> Tensor:
        return (logits.log_softmax(-1) * there.unsqueeze(-1)).sum(1)


class LateMaximum(LateAverage):
    """For each class the largest probability that any modality present gives it."""

    def _decide(self, logits: Tensor, there: Tensor) -> Tensor:
        certain = torch.where(there.unsqueeze(-1), logits.log_softmax(-1), -30.0)
        return certain.amax(1)


class LateStacking(LateAverage):
    """A linear classifier over the experts' log-probabilities, fitted on validation rows (Wolpert 1992).

    ``logits = b + Σ_m A_m log P(· | x_m)`` over those present. It starts as the product rule with even shares
    (``A_m = I / M``) and is drawn towards that by a ridge, so that a few hundred rows are enough.
    """

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int):
        super().__init__(dimensions, classes, width=width, layers=layers)
        self.register_buffer("mixing", torch.eye(classes).repeat(len(dimensions), 1, 1) / len(dimensions))
        self.register_buffer("bias", torch.zeros(classes))

    def _decide(self, logits: Tensor, there: Tensor) -> Tensor:
        return stacked(centred(logits, there), self.mixing, self.bias)

    @staticmethod
    def fit_on_validation(
        per_modality_logits: dict[str, Tensor], there: Tensor, target: Tensor
    ) -> dict[str, Tensor]:
        logits = torch.stack(list(per_modality_logits.values()), dim=-2)  # [K, N, M, C]
        mixing, bias = fit_stacking(centred(logits, there), target)
        return {"mixing": mixing, "bias": bias}


def centred(logits: Tensor, there: Tensor) -> Tensor:
    """Log-probabilities of mean 0 over the classes, 0 where a modality is absent: ``[…, M, C], [B, M] → […, M, C]``."""
    return (logits - logits.mean(-1, keepdim=True)) * there.unsqueeze(-1)


def stacked(x: Tensor, mixing: Tensor, bias: Tensor) -> Tensor:
    """``[…, M, C], [M, C, C], [C] → […, C]``."""
    return torch.einsum("...mc,mdc->...d", x, mixing) + bias


def fit_stacking(x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Ridge-penalised multinomial regression by Nesterov's method, as many steps for every member.

    Args:
        x: ``[K, N, M, C]``.

    Returns:
        ``mixing [K, M, C, C], bias [K, C]``.
    """
    members, rows, modalities, classes = x.shape
    start = torch.eye(classes, device=x.device).repeat(members, modalities, 1, 1) / modalities
    hot = nn.functional.one_hot(target, classes).to(x.dtype)
    # The Hessian's largest eigenvalue: half the mean squared length of a row, and the ridge (Böhning 1992).
    curvature = 0.5 * (x.square().sum((-1, -2)).mean(-1) + 1) + RIDGE  # [K]
    pace = (1 / curvature).view(-1, 1, 1, 1)
    mixing, bias = start, x.new_zeros(members, classes)
    ahead, ahead_bias = mixing, bias
    for step in range(1, STACKING_STEPS + 1):
        logits = torch.einsum("knmc,kmdc->knd", x, ahead) + ahead_bias.unsqueeze(1)
        off = (logits.softmax(-1) - hot) / rows  # [K, N, C]
        slope = torch.einsum("knd,knmc->kmdc", off, x) + RIDGE * (ahead - start)
        before, before_bias = mixing, bias
        mixing = ahead - pace * slope
        bias = ahead_bias - pace.view(-1, 1) * off.sum(1)
        momentum = step / (step + 3)
        ahead, ahead_bias = mixing + momentum * (mixing - before), bias + momentum * (bias - before_bias)
    return mixing, bias


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
