"""What a step sees of the rows: gathered, mixed, thinned out; by each member's own numbers and counters."""

import torch
from torch import Tensor

from .counters import counter_uniform, member_keys
from .data import UNLABELLED, Batch, Rows
from .losses import soft_targets

LAYERS = {"modality_dropout": 1001, "mixup": 1002}
"""Which stream of random numbers each augmentation draws from; a model's dropout layers have those from 0 on."""


def gather(
    rows: Rows,
    index: Tensor,
    partner: Tensor,
    *,
    classes: int,
    hyper: dict[str, Tensor],
    on: frozenset[str],
    seeds: Tensor,
    step: int,
) -> Batch:
    """The step's batch for every member.

    Args:
        index: ``[K, B]``, whose rows; partner: ``[K, B]``, whom they are mixed with.
        hyper: ``{hyper-parameter: [K]}``; on: those that some member uses.
        seeds: ``[K]``, of `counters.member_seeds`.
    """
    batch = Batch(
        tokens={name: x[index] for name, x in rows.tokens.items()},
        present={name: mask[index] for name, mask in rows.present.items()},
        target=_targets(rows, index, classes, hyper),
        weight=(rows.target != UNLABELLED).to(torch.float32)[index],
        label=rows.target[index],
        side={name: x[index] for name, x in rows.side.items()},
    )
    if "mixup" in on:
        batch = _mixed(batch, rows, partner, classes, hyper, member_keys(seeds, step, LAYERS["mixup"]))
    if "modality_dropout" in on:
        keys = member_keys(seeds, step, LAYERS["modality_dropout"])
        batch = _without_modalities(batch, hyper["modality_dropout"], keys)
    return batch


def _targets(rows: Rows, index: Tensor, classes: int, hyper: dict[str, Tensor]) -> Tensor:
    return soft_targets(
        rows.target[index].clamp(min=0), classes=classes, smoothing=hyper["smoothing"].view(-1, 1, 1)
    )


def _mixed(
    batch: Batch, rows: Rows, partner: Tensor, classes: int, hyper: dict[str, Tensor], keys: Tensor
) -> Batch:
    """Mixup (Zhang et al. 2018) of tokens that both rows have; one coefficient a row, uniform in [1 - m, 1]."""
    share = 1 - counter_uniform(keys, partner.shape[1]) * hyper["mixup"].unsqueeze(-1)  # [K, B]
    mixed = {}
    for name, x in batch.tokens.items():
        both = (batch.present[name] & rows.present[name][partner]).unsqueeze(-1)
        by = share[..., None, None]
        mixed[name] = torch.where(both, by * x + (1 - by) * rows.tokens[name][partner], x)
    other = _targets(rows, partner, classes, hyper)
    by = share.unsqueeze(-1)
    return batch._replace(tokens=mixed, target=by * batch.target + (1 - by) * other)


def _without_modalities(batch: Batch, rate: Tensor, keys: Tensor) -> Batch:
    there = torch.stack(list(batch.there().values()), dim=-1)  # [K, B, M]
    u = counter_uniform(keys, there.shape[1] * there.shape[2]).view(there.shape)
    left = there & (u >= rate.view(-1, 1, 1))
    shown = torch.where(left.any(-1, keepdim=True), left, there)
    return batch._replace(
        present={name: mask & shown[..., m, None] for m, (name, mask) in enumerate(batch.present.items())},
    )
