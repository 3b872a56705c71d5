"""Late fusion: each modality decides for itself, and the decisions are combined by a rule, or by fitted weights."""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from .experts import Expert
from .layers import complete
from .opinion_pools import evidence, fit_stacking, fit_weights
from .output import FusionOutput
from .posteriors import OfPosteriors, Posterior, tempered_by
from .strategy import Choice


class LateAverage(OfPosteriors):
    """The mean of the probabilities of one expert a modality, over the modalities that are present.

    Each expert is trained by its own loss alone, as if no other were there. Posteriors stand for an expert themselves.
    """

    space: ClassVar = {"width": Choice((128,)), "layers": Choice((1, 2))}
    defaults: ClassVar = {"unimodal_weight": 1.0}

    def __init__(
        self,
        dimensions: dict[str, int],
        classes: int,
        *,
        width: int,
        layers: int,
        posteriors: frozenset[str] = frozenset(),
    ):
        super().__init__(dimensions, classes, posteriors)
        self.experts = nn.ModuleDict(
            {
                name: Posterior() if name in posteriors else Expert(size, classes, width=width, layers=layers)
                for name, size in dimensions.items()
            }
        )

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        tokens, present = complete(tokens, present, self.dimensions)
        there = torch.stack([present[name].any(1) for name in self.modalities], dim=-1)  # [B, M]
        logits, each = {}, {}
        for name in self.modalities:
            made = self.experts[name](tokens[name], present[name])
            if name in self.posteriors:
                logits[name] = made
            else:
                each[name], logits[name] = made
        decisions = torch.stack(list(logits.values()), dim=1)  # [B, M, C]
        fused = self._decide(self.tempered(decisions), there)
        embedding = torch.cat(list(each.values()), dim=-1) if each else torch.zeros_like(fused)
        return FusionOutput(fused, embedding, logits, per_modality_embeddings=each or None)

    def _decide(self, logits: Tensor, there: Tensor) -> Tensor:
        """``[B, M, C], [B, M] → [B, C]``."""
        share = there / there.sum(-1, keepdim=True).clamp(min=1)
        mean = (share.unsqueeze(-1) * logits.softmax(-1)).sum(1)
        return mean.clamp(min=1e-9).log()


class _Evidence(LateAverage):
    """What combines posteriors of modalities that are independent given the class needs the prior they contain.

    Each expert's posterior holds the prior ``P(y)`` once, ``log P(y | x_m) = log P(y) + log P(x_m | y) + …``, so that
    a product over M modalities would count it M times. `evidence` takes it out of each, and it is put back once.
    """

    log_prior: Tensor

    def __init__(self, dimensions: dict[str, int], classes: int, **architecture: Any):
        super().__init__(dimensions, classes, **architecture)
        self.register_buffer("log_prior", torch.zeros(classes))

    @staticmethod
    def fit_to_prior(prior: Tensor) -> dict[str, Tensor]:
        return {"log_prior": prior.log()}


class LateProduct(_Evidence):
    """The product of the probabilities of those present: Bayes' rule where modalities are independent given the class.

    ``P(y | x_1 … x_M) ∝ P(y)^(1 - M) Π_m P(y | x_m)`` over the M modalities that are present (Kittler et al. 1998,
    equation 7), with the prior of the targets that the experts were trained on.
    """

    def _decide(self, logits: Tensor, there: Tensor) -> Tensor:
        return self.log_prior + evidence(logits, there, self.log_prior).sum(1)


class LateMaximum(LateAverage):
    """For each class the largest probability that any modality present gives it."""

    def _decide(self, logits: Tensor, there: Tensor) -> Tensor:
        certain = torch.where(there.unsqueeze(-1), logits.log_softmax(-1), -30.0)
        return certain.amax(1)


class _Fitted(_Evidence):
    """What weighs the evidence and adds a bias, both fitted on validation rows. A priori the bias is the prior's."""

    bias: Tensor
    weighing: ClassVar[str]
    """The buffer of what weighs the evidence."""
    fit: ClassVar[Callable[..., tuple[Tensor, Tensor]]]
    """Gives its value and the bias, see `opinion_pools`."""

    @staticmethod
    def fit_to_prior(prior: Tensor) -> dict[str, Tensor]:
        return {"log_prior": prior.log(), "bias": prior.log()}

    def fit_on_validation(
        self,
        per_modality_logits: dict[str, Tensor],
        there: Tensor,
        target: Tensor,
        seen: Tensor,
        prior: Tensor,
        class_weight: Tensor,
    ) -> dict[str, Tensor]:
        first = super().fit_on_validation(per_modality_logits, there, target, seen, prior, class_weight)
        x = evidence(tempered_by(first, per_modality_logits), there, prior.log()[:, None, None])
        fitted, bias = self.fit(x, target, seen, prior=prior, class_weight=class_weight)
        return first | {self.weighing: fitted, "bias": bias}


class LateWeighted(_Fitted):
    """The logarithmic opinion pool: ``P(y) ∝ e^(b_y) Π_m (P(y | x_m) / P(y))^(w_m)`` over those present.

    Weights and bias have the largest likelihood on validation rows, which count by their class as in training. No
    weight is below 0: a modality that tells nothing gets next to none, and their sum says how far the experts repeat
    each other (1) or know of different things (more). The bias is a priori the logarithm of the prior.
    """

    weights: Tensor
    weighing = "weights"
    fit = staticmethod(fit_weights)

    def __init__(self, dimensions: dict[str, int], classes: int, **architecture: Any):
        super().__init__(dimensions, classes, **architecture)
        self.register_buffer("weights", torch.full((len(dimensions),), 1.0 / len(dimensions)))
        self.register_buffer("bias", torch.zeros(classes))

    def _decide(self, logits: Tensor, there: Tensor) -> Tensor:
        return torch.einsum("bmc,m->bc", evidence(logits, there, self.log_prior), self.weights) + self.bias


class LateStacking(_Fitted):
    """A linear classifier over the experts' log-probabilities, fitted on validation rows (Wolpert 1992).

    ``logits = b + Σ_m A_m log(P(· | x_m) / P(·))`` over those present. It starts as the logarithmic opinion pool
    (``A_m = w_m I``), and leaves it by as much as the rows tell: with a few hundred it hardly does.
    """

    mixing: Tensor
    weighing = "mixing"
    fit = staticmethod(fit_stacking)

    def __init__(self, dimensions: dict[str, int], classes: int, **architecture: Any):
        super().__init__(dimensions, classes, **architecture)
        self.register_buffer("mixing", torch.eye(classes).repeat(len(dimensions), 1, 1) / len(dimensions))
        self.register_buffer("bias", torch.zeros(classes))

    def _decide(self, logits: Tensor, there: Tensor) -> Tensor:
        return torch.einsum("bmc,mdc->bd", evidence(logits, there, self.log_prior), self.mixing) + self.bias
