"""What is minimised, per member of a population: every hyper-parameter may be a tensor."""

import torch
from torch import Tensor

from ..fusion.output import FusionOutput
from .data import Batch


def soft_targets(target: Tensor, *, classes: int, smoothing: Tensor) -> Tensor:
    """Smoothed one-hot labels (Szegedy et al. 2016): ``[...] → [..., C]``; ``smoothing`` broadcasts."""
    hot = torch.nn.functional.one_hot(target, classes).to(smoothing.dtype)
    return hot * (1 - smoothing) + smoothing / classes


def cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """The weighted mean over rows: ``[B, C], [B, C], [B] → []``; 0 where no row has weight."""
    each = -(target * torch.log_softmax(logits, dim=-1)).sum(-1)
    return (each * weight).sum() / weight.sum().clamp(min=1e-9)


def objective(output: FusionOutput, batch: Batch, hyper: dict[str, Tensor], on: frozenset[str]) -> Tensor:
    """``(1 - u) · CE(fused) + u · mean over modalities of CE(its own decision, on rows that have it) + a · own loss``.

    Args:
        batch: of one member.
        hyper: ``{hyper-parameter: []}``; on: those that some member of the population uses, so that what is off
            costs nothing.
    """
    loss = cross_entropy(output.logits, batch.target, batch.weight)
    if output.per_modality_logits is not None and "unimodal_weight" in on:
        there = batch.there()
        alone = [
            cross_entropy(logits, batch.target, batch.weight * there[name])
            for name, logits in output.per_modality_logits.items()
        ]
        share = hyper["unimodal_weight"]
        loss = (1 - share) * loss + share * torch.stack(alone).mean()
    if "loss" in output.auxiliary and "auxiliary_weight" in on:
        loss = loss + hyper["auxiliary_weight"] * output.auxiliary["loss"]
    return loss
