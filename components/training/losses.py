"""What is minimised, per member of a population: every hyper-parameter may be a tensor."""

import torch
from torch import Tensor

from ..fusion.output import FusionOutput
from .contrast import alignment, supervised_contrast
from .data import UNLABELLED, Batch

DISTILLATION_TEMPERATURE = 2.0


def soft_targets(
    target: Tensor,
    *,
    classes: int,
    smoothing: Tensor,
    shares: Tensor | None = None,
    soft: Tensor | None = None,
) -> Tensor:
    """The distribution that a row's cross-entropy is taken against.

    The label alone, moved by ``soft`` towards the raters' distribution ``shares`` ``[..., C]`` (zeros: nobody voted,
    the label stays), then smoothed (Szegedy et al. 2016). With ``soft`` 1 the cross-entropy is the label-distribution
    loss KL(shares ‖ p) but for the votes' entropy, which is constant.

    Args:
        target: classes ``[...]``.
        classes: number of classes C.
        smoothing: share spread over all classes; broadcasts against ``[..., C]``.
        shares: the votes; None: the label alone.
        soft: share of the votes in the target; broadcasts likewise, needed with ``shares``.

    Returns:
        ``[..., C]``, each summing to 1.
    """
    hot = one_hot(target, classes)
    if shares is not None:
        assert soft is not None, "votes without the share of them in the target"
        voted = shares.sum(-1, keepdim=True) > 0
        hot = torch.where(voted, hot * (1 - soft) + shares * soft, hot)
    return hot * (1 - smoothing) + smoothing / classes


def one_hot(target: Tensor, classes: int) -> Tensor:
    """``[...] → float32 [..., C]``, zeros without a label; torch's own reads numbers back on a CPU."""
    return (target.unsqueeze(-1) == torch.arange(classes, device=target.device)).to(torch.float32)


def balanced(batch: Batch, counts: Tensor, strength: Tensor) -> Batch:
    """The batch with each labelled row weighted by ``(n / (C n_c))^b``, c its own class.

    Args:
        batch: of all members.
        counts: ``[C]``, the rows of each class in training, n in all.
        strength: b ``[K]``: 0 leaves the weights alone, 1 gives every class the same sum of weights.
    """
    by_class = class_weights(counts, strength).unsqueeze(-1)  # [K, C, 1]
    return batch._replace(weight=batch.weight * (batch.classes @ by_class).squeeze(-1))


def class_weights(counts: Tensor, strength: Tensor) -> Tensor:
    """``(n / (C n_c))^b`` of every class: ``[C], [K] → [K, C]``."""
    even = counts.sum() / (len(counts) * counts.clamp(min=1.0))
    return even ** strength.unsqueeze(-1)


def prior_of(
    target: Tensor, shares: Tensor | None, *, classes: int, hyper: dict[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """The prior that each member's posteriors contain: the mean of its targets, its rows weighted as in training.

    Args:
        target, shares: as in `Rows`; hyper: ``{hyper-parameter: [K]}``.

    Returns:
        The prior ``[K, C]``, where a class without rows has half a row, and the weight of a class's rows ``[K, C]``.
    """
    known = target != UNLABELLED
    label, strength = target[known], hyper["class_balance"]
    counts = class_counts(target, classes)
    weight = class_weights(counts, strength)
    own = torch.nn.functional.one_hot(label, classes).to(torch.float32)
    soft = own
    if shares is not None:
        voted = shares[known].sum(-1, keepdim=True) > 0
        soft = torch.where(voted, shares[known], own)
    moved = own.T @ soft  # [C, C]: of the rows of each class, the sum of what the raters say
    share = hyper["soft_labels"].unsqueeze(-1)
    total = weight * counts * (1 - share) + share * (weight @ moved)
    total = total.clamp(min=0.5)
    prior = total / total.sum(-1, keepdim=True)
    smoothing = hyper["smoothing"].unsqueeze(-1)
    return prior * (1 - smoothing) + smoothing / classes, weight


def class_counts(target: Tensor, classes: int) -> Tensor:
    """How many rows each class has: ``[N] → float [C]``; those without a label are of none."""
    return torch.bincount(target[target != UNLABELLED], minlength=classes).to(torch.float32)


def cross_entropy(logits: Tensor, target: Tensor, weight: Tensor, focus: Tensor | None = None) -> Tensor:
    """The weighted mean over rows: ``[…, B, C], [B, C], [B] → []``; 0 where no row has weight.

    Args:
        focus: γ of the focal loss ``-Σ_c t_c (1 - p_c)^γ log p_c`` (Lin et al. 2017, equation 4, for targets that are
            distributions); 0 is the cross-entropy.
    """
    certain = torch.log_softmax(logits, dim=-1)
    each = target * certain
    if focus is not None:
        each = each * (-torch.expm1(certain)).clamp(min=1e-6) ** focus
    each = -each.sum(-1)
    return ((each * weight).sum(-1) / weight.sum().clamp(min=1e-9)).mean()


def distillation(fused: Tensor, alone: dict[str, Tensor], there: dict[str, Tensor]) -> Tensor:
    """``T² KL(fused ‖ a modality's own decision)`` at temperature T, over rows that have it; the mean of modalities.

    The fused decision teaches and is not moved (Hinton, Vinyals & Dean 2015, section 2). No label is needed.

    Args:
        fused: logits ``[B, C]``; alone: ``{modality: [B, C]}``; there: ``{modality: bool [B]}``.
    """
    teacher = torch.log_softmax(fused.detach() / DISTILLATION_TEMPERATURE, dim=-1)
    each = []
    for name, logits in alone.items():
        student = torch.log_softmax(logits / DISTILLATION_TEMPERATURE, dim=-1)
        divergence = (teacher.exp() * (teacher - student)).sum(-1)
        mask = there[name].to(divergence.dtype)
        each.append((divergence * mask).sum() / mask.sum().clamp(min=1.0))
    return DISTILLATION_TEMPERATURE**2 * torch.stack(each).mean()


def decisions(output: FusionOutput, batch: Batch, hyper: dict[str, Tensor], on: frozenset[str]) -> Tensor:
    """``(1 - u) · CE(fused) + u · mean over modalities of CE(its own decision, on rows that have it)``.

    Where a strategy has several experts a modality, ``auxiliary["experts/<modality>"] [n, B, C]``, each is trained as
    if it decided alone.

    Args:
        output: of one member.
        batch: of one member.
        hyper: ``{hyper-parameter: []}``, with u the ``unimodal_weight``.
        on: those that some member of the population uses.
    """
    focus = hyper["focal"] if "focal" in on else None
    loss = cross_entropy(output.logits, batch.target, batch.weight, focus)
    if output.per_modality_logits is not None and "unimodal_weight" in on:
        there = batch.there()
        alone = [
            cross_entropy(
                output.auxiliary.get(f"experts/{name}", logits),
                batch.target,
                batch.weight * there[name],
                focus,
            )
            for name, logits in output.per_modality_logits.items()
        ]
        share = hyper["unimodal_weight"]
        loss = (1 - share) * loss + share * torch.stack(alone).mean()
    return loss


def objective(output: FusionOutput, batch: Batch, hyper: dict[str, Tensor], on: frozenset[str]) -> Tensor:
    """The loss that training minimises: `decisions`, plus each further term times its weight.

    Args:
        output: of one member.
        batch: of one member.
        hyper: ``{hyper-parameter: []}``.
        on: those that some member of the population uses, so that what is off costs nothing.
    """
    loss = decisions(output, batch, hyper, on)
    if "loss" in output.auxiliary and "auxiliary_weight" in on:
        loss = loss + hyper["auxiliary_weight"] * output.auxiliary["loss"]
    if "contrast_weight" in on:
        loss = loss + hyper["contrast_weight"] * supervised_contrast(output.embedding, batch.classes)
    embeddings = output.per_modality_embeddings or {}
    if "align_weight" in on and len(embeddings) > 1:
        loss = loss + hyper["align_weight"] * alignment(embeddings, batch.there())
    if "distill_weight" in on and output.per_modality_logits:
        taught = distillation(output.logits, output.per_modality_logits, batch.there())
        loss = loss + hyper["distill_weight"] * taught
    return loss
