"""What is minimised, per member of a population: every hyper-parameter may be a tensor."""

import torch
from torch import Tensor

from ..fusion.output import FusionOutput


def soft_targets(target: Tensor, *, classes: int, smoothing: Tensor) -> Tensor:
    """Smoothed one-hot labels (Szegedy et al. 2016): ``[...] → [..., C]``; ``smoothing`` broadcasts."""
    hot = torch.nn.functional.one_hot(target, classes).to(smoothing.dtype)
    return hot * (1 - smoothing) + smoothing / classes


def cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """The weighted mean over rows: ``[B, C], [B, C], [B] → []``; 0 where no row has weight."""
    each = -(target * torch.log_softmax(logits, dim=-1)).sum(-1)
    return (each * weight).sum() / weight.sum().clamp(min=1e-9)


def objective(
    output: FusionOutput,
    target: Tensor,
    *,
    there: dict[str, Tensor],
    weight: Tensor,
    unimodal_weight: Tensor,
    auxiliary_weight: Tensor,
) -> Tensor:
    """``(1 - u) · CE(fused) + u · mean over modalities of CE(its own decision, on rows that have it) + a · own loss``.

    Args:
        target: ``[B, C]``, soft.
        there: ``{modality: [B]}``.
        weight: ``[B]``, of each row (its class's weight; 1 without).
        unimodal_weight: ``u`` in [0, 1]; without effect on a strategy that has no decisions per modality.
        auxiliary_weight: ``a``, of the strategy's own loss (``output.auxiliary["loss"]``), where it has one.
    """
    fused = cross_entropy(output.logits, target, weight)
    own = auxiliary_weight * output.auxiliary["loss"] if "loss" in output.auxiliary else 0.0
    if output.per_modality_logits is None:
        return fused + own
    alone = torch.stack(
        [
            cross_entropy(logits, target, weight * there[name])
            for name, logits in output.per_modality_logits.items()
        ]
    )
    return (1 - unimodal_weight) * fused + unimodal_weight * alone.mean() + own
