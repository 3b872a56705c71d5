"""What a step sees of the rows: gathered, mixed, disturbed, thinned out; by each member's own numbers and counters."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .counters import counter_uniform, member_keys
from .data import UNLABELLED, Batch, Rows
from .losses import balanced, one_hot, soft_targets

LAYERS = {
    "modality_dropout": 1001,
    "mixup": 1002,
    "feature_noise": 1100,
    "mask_time": 1200,
    "mask_features": 1300,
    "adversarial": 1400,
}
"""Which stream of random numbers each augmentation draws from; a model's dropout layers have those from 0 on.

What is drawn for each modality by itself has the streams from its number on, one a modality.
"""


def gather(
    rows: Rows,
    index: Tensor,
    partner: Tensor,
    *,
    classes: int,
    hyper: dict[str, Tensor],
    on: frozenset[str],
    seeds: Tensor,
    step: int | Tensor,
    counts: Tensor | None = None,
) -> Batch:
    """The step's batch for every member.

    Args:
        rows: all training rows.
        index: ``[K, B]``, the rows of each member's batch.
        partner: ``[K, B]``, the rows that they are mixed with.
        classes: number of classes C.
        hyper: ``{hyper-parameter: [K]}``.
        on: those that some member uses.
        seeds: ``[K]``, of `counters.member_seeds`.
        step: the training step, of which the random numbers are a function.
        counts: ``[C]``, the training rows of each class, where `losses.balanced` weights the rows by them.
    """

    def weighted(which: Tensor) -> Batch:
        batch = taken(rows, which, classes=classes, hyper=hyper)
        return batch if counts is None else balanced(batch, counts, hyper["class_balance"])

    batch = weighted(index)
    if "mixup" in on:
        batch = _mixed(batch, weighted(partner), hyper, member_keys(seeds, step, LAYERS["mixup"]))
    return disturbed(batch, hyper=hyper, on=on, seeds=seeds, step=step)


def taken(rows: Rows, index: Tensor, *, classes: int, hyper: dict[str, Tensor]) -> Batch:
    """A batch of rows as they are, without augmentation.

    Args:
        rows: all training rows.
        index: ``[K, B]``, the rows of each member's batch.
        classes: number of classes C.
        hyper: ``{hyper-parameter: [K]}``, of which the targets need ``smoothing`` and ``soft_labels``.
    """
    return Batch(
        tokens={name: x[index] for name, x in rows.tokens.items()},
        present={name: mask[index] for name, mask in rows.present.items()},
        target=_targets(rows, index, classes, hyper),
        weight=(rows.target != UNLABELLED).to(torch.float32)[index],
        classes=one_hot(rows.target[index], classes),
        side={name: x[index] for name, x in rows.side.items()},
    )


def disturbed(
    batch: Batch,
    *,
    hyper: dict[str, Tensor],
    on: frozenset[str],
    seeds: Tensor,
    step: int | Tensor,
    stream: int = 0,
) -> Batch:
    """The batch with noise, then blocks set to zero, then modalities left out; each only if some member uses it.

    Args:
        batch: of all members.
        hyper: ``{hyper-parameter: [K]}``.
        on: those that some member uses.
        seeds: ``[K]``, of `counters.member_seeds`.
        step: the training step, of which the random numbers are a function.
        stream: is added to the numbers of `LAYERS`, for a second view of the same step.
    """

    def keys(name: str, modality: int = 0) -> Tensor:
        return member_keys(seeds, step, stream + LAYERS[name] + modality)

    each: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
        "feature_noise": lambda x, mask, rate, key: _noisy(x, rate, key),
        "mask_time": _without_time,
        "mask_features": lambda x, mask, rate, key: _without_features(x, rate, key),
    }
    tokens = dict(batch.tokens)
    for name, change in each.items():
        if name in on:
            for m, (modality, x) in enumerate(tokens.items()):
                mask = batch.present[modality]
                changed = change(x, mask, hyper[name], keys(name, m))
                tokens[modality] = torch.where(mask.unsqueeze(-1), changed, x)
    batch = batch._replace(tokens=tokens)
    if "modality_dropout" in on:
        batch = _without_modalities(batch, hyper["modality_dropout"], keys("modality_dropout"))
    return batch


def _targets(rows: Rows, index: Tensor, classes: int, hyper: dict[str, Tensor]) -> Tensor:
    return soft_targets(
        rows.target[index].clamp(min=0),
        classes=classes,
        smoothing=hyper["smoothing"].view(-1, 1, 1),
        shares=None if rows.shares is None else rows.shares[index],
        soft=hyper["soft_labels"].view(-1, 1, 1),
    )


def _mixed(batch: Batch, partner: Batch, hyper: dict[str, Tensor], keys: Tensor) -> Batch:
    """Mixup (Zhang et al. 2018) of all that two rows have; one coefficient a row, uniform in [1 - m, 1].

    Two rows that both have a label: the mixture of a label with none is no target. Tokens are mixed where both rows
    have them; targets, classes, weights and side targets with them. A side target that one of the two lacks is NaN.
    The mixture's loss is that of the two rows by their shares, each with its own weight.
    """
    share = 1 - counter_uniform(keys, batch.weight.shape[1]) * hyper["mixup"].unsqueeze(-1)  # [K, B]
    share = torch.where((batch.weight > 0) & (partner.weight > 0), share, 1.0)

    def mixture(own: Tensor, other: Tensor) -> Tensor:
        by = share.view(*share.shape, *[1] * (own.ndim - 2))
        return torch.where(by < 1, by * own + (1 - by) * other, own)

    tokens = {}
    for name, x in batch.tokens.items():
        both = (batch.present[name] & partner.present[name]).unsqueeze(-1)
        tokens[name] = torch.where(both, mixture(x, partner.tokens[name]), x)
    weight = mixture(batch.weight, partner.weight)
    other = (1 - share) * partner.weight / weight.clamp(min=1e-9)  # of the partner in the target
    target = batch.target + other.unsqueeze(-1) * (partner.target - batch.target)
    return batch._replace(
        tokens=tokens,
        target=target,
        weight=weight,
        classes=mixture(batch.classes, partner.classes),
        side={name: mixture(x, partner.side[name]) for name, x in batch.side.items()},
    )


def _noisy(x: Tensor, deviation: Tensor, keys: Tensor) -> Tensor:
    """Gaussian noise (Box & Muller 1958) of each member's deviation: ``[K, B, T, D], [K], [K]``."""
    pairs = (math.prod(x.shape[1:]) + 1) // 2
    u = counter_uniform(keys, 2 * pairs)
    # u is k / 65536: from half a step on, so that the logarithm is finite.
    radius = (-2 * torch.log(u[:, :pairs] + 2.0**-17)).sqrt()
    angle = 2 * math.pi * u[:, pairs:]
    normal = torch.cat([radius * angle.cos(), radius * angle.sin()], dim=1)[:, : math.prod(x.shape[1:])]
    return x + deviation.view(-1, 1, 1, 1) * normal.view(x.shape)


def _without_time(x: Tensor, mask: Tensor, share: Tensor, keys: Tensor) -> Tensor:
    """A block of the tokens that are there set to zero, in each row (SpecAugment: Park et al. 2019).

    Its length is an integer, uniform from 0 to ``share`` of them, so that a single token stays.
    """
    u = counter_uniform(keys, 2 * x.shape[1]).view(len(x), x.shape[1], 2, 1)
    count = mask.sum(-1, keepdim=True)  # [K, B, 1]
    start, length = _block(u, count, share)
    place = mask.cumsum(-1) - 1  # of each token among those that are there
    return torch.where(((place >= start) & (place < start + length)).unsqueeze(-1), 0.0, x)


def _without_features(x: Tensor, share: Tensor, keys: Tensor) -> Tensor:
    """A block of neighbouring features set to zero in all tokens of a row (SpecAugment: Park et al. 2019)."""
    u = counter_uniform(keys, 2 * x.shape[1]).view(len(x), x.shape[1], 2, 1)
    size = torch.full((len(x), x.shape[1], 1), x.shape[-1], device=x.device)
    start, length = _block(u, size, share)
    place = torch.arange(x.shape[-1], device=x.device)
    return torch.where(((place >= start) & (place < start + length)).unsqueeze(2), 0.0, x)


def _block(u: Tensor, count: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Start and length of a block among ``count`` things: ``u [K, B, 2, 1], count [K, B, 1] → [K, B, 1]`` twice."""
    most = (share.view(-1, 1, 1) * count).floor()
    length = (u[:, :, 0] * (most + 1)).floor()
    start = (u[:, :, 1] * (count - length + 1)).floor()
    return start, length


def _without_modalities(batch: Batch, rate: Tensor, keys: Tensor) -> Batch:
    there = torch.stack(list(batch.there().values()), dim=-1)  # [K, B, M]
    u = counter_uniform(keys, there.shape[1] * there.shape[2]).view(there.shape)
    left = there & (u >= rate.view(-1, 1, 1))
    shown = torch.where(left.any(-1, keepdim=True), left, there)
    return batch._replace(
        present={name: mask & shown[..., m, None] for m, (name, mask) in enumerate(batch.present.items())},
    )
