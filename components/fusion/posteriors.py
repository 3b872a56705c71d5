"""Class probabilities that a model of others gave, as a modality: nothing is learned of them but how far to trust them.

On the rows that a model was trained on it is surer than anywhere else. What is learned from its answers there, as a
weight or an encoder, takes it for better than it is. So posteriors are hidden where strategies train
(`Rows.without_posteriors`), and divided in their logarithms by a temperature (Guo et al., *On Calibration of Modern
Neural Networks*, ICML 2017) that is fitted on validation rows. Only then weights are fitted over them, on validation
rows, too.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from .layers import masked_mean
from .strategy import Strategy

COLDEST, HOTTEST = 0.1, 100.0
"""The temperatures between which one is found: few validation rows may all be right, or say nothing."""
HALVINGS = 20
"""Of the range of the logarithm, which is then known to 1e-5."""


class Posterior(nn.Module):
    """Logarithms of class probabilities as the decision: what stands for an expert, without anything to train."""

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """``[B, T, C], [B, T] → logits [B, C]``; zeros, so that all classes are equal, where there are none."""
        return masked_mean(x, present)


class OfPosteriors(Strategy):
    """A strategy that lets each modality decide for itself, and so takes posteriors for what they are.

    Args:
        posteriors: the modalities whose tokens are logarithms of class probabilities.
    """

    takes_posteriors: ClassVar[bool] = True
    temperature: Tensor

    def __init__(
        self,
        dimensions: dict[str, int],
        classes: int,
        posteriors: frozenset[str] = frozenset(),
        **architecture: Any,
    ):
        super().__init__(dimensions, classes, **architecture)
        self.posteriors = posteriors
        if posteriors:
            self.register_buffer("temperature", torch.ones(len(dimensions)))

    def tempered(self, logits: Tensor) -> Tensor:
        """Each modality's logits ``[..., M, C]``, those of posteriors divided by their temperature."""
        return logits / self.temperature.unsqueeze(-1) if self.posteriors else logits

    def fit_on_validation(
        self,
        per_modality_logits: dict[str, Tensor],
        there: Tensor,
        target: Tensor,
        seen: Tensor,
        prior: Tensor,
        class_weight: Tensor,
    ) -> dict[str, Tensor]:
        """The temperatures ``[S, K, M]``, 1 for what is learned here; nothing where there are no posteriors."""
        if not self.posteriors:
            return {}
        found = torch.ones(len(seen), len(class_weight), there.shape[1], device=target.device)
        for m, (name, logits) in enumerate(per_modality_logits.items()):
            if name in self.posteriors:
                found[..., m] = fit_temperature(logits, target, seen & there[:, m], class_weight=class_weight)
        return {"temperature": found}


def tempered_by(fitted: dict[str, Tensor], per_modality_logits: dict[str, Tensor]) -> Tensor:
    """What weights are fitted over: the modalities' logits, divided by the temperatures of each fit, if any.

    Args:
        fitted: of `OfPosteriors.fit_on_validation`.
        per_modality_logits: ``{modality: [K, N, C]}``.

    Returns:
        ``[K, N, M, C]``, or ``[S, K, N, M, C]``.
    """
    logits = torch.stack(list(per_modality_logits.values()), dim=-2)
    return logits / fitted["temperature"][:, :, None, :, None] if fitted else logits


def fit_temperature(logits: Tensor, target: Tensor, seen: Tensor, *, class_weight: Tensor) -> Tensor:
    """The temperatures of least cross-entropy, by bisection: its slope by ``1 / T`` rises with ``1 / T``.

    Args:
        logits: ``[K, N, C]``.
        target: ``[N]``.
        seen: bool ``[S, N]``, the rows of each fit.
        class_weight: ``[K, C]``, how much a row of each class counts.

    Returns:
        ``[S, K]``; 1 where a fit has no row.
    """
    share = seen.unsqueeze(1) * class_weight[:, target]  # [S, K, N]
    logits = logits.unsqueeze(0)  # [1, K, N, C]
    right = logits.gather(-1, target.view(1, 1, -1, 1).expand(1, logits.shape[1], -1, 1)).squeeze(-1)

    low = torch.full(share.shape[:2], COLDEST, device=logits.device).log()
    high = torch.full(share.shape[:2], HOTTEST, device=logits.device).log()
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        expected = ((logits / middle.exp()[..., None, None]).softmax(-1) * logits).sum(-1)  # [S, K, N]
        too_sure = (share * (expected - right)).sum(-1) > 0  # of a lower 1 / T the loss is less
        low, high = torch.where(too_sure, middle, low), torch.where(too_sure, high, middle)
    return torch.where(share.sum(-1) > 0, ((low + high) / 2).exp(), 1.0)
