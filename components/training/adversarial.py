"""Adversarial examples in the space of prepared tokens: the smallest change that hurts most."""

from collections.abc import Callable

import torch
from torch import Tensor

from .augmentation import LAYERS
from .counters import counter_uniform, member_keys

STRIDE = 2.5
"""Of the radius, shared by the steps: enough to reach the border from anywhere (Madry et al. 2018, appendix)."""

Tokens = dict[str, Tensor]


def attack(
    gradient: Callable[[Tokens], Tokens],
    tokens: Tokens,
    present: Tokens,
    *,
    radius: Tensor,
    steps: int,
    seeds: Tensor,
    step: int | Tensor,
) -> Tokens:
    """The tokens moved by at most ``radius`` in each feature, so that the loss rises; absent ones stay.

    One step is the fast gradient sign method (Goodfellow, Shlens & Szegedy 2015), from the tokens themselves. Several
    are projected gradient descent (Madry et al. 2018), from a random place within the radius.

    Args:
        gradient: of each member's loss, ``{modality: [K, B, T, D]} →`` the same shapes.
        tokens: ``{modality: [K, B, T, D]}``; present: ``{modality: bool [K, B, T]}``.
        radius: ``[K]``, in units of prepared features (most have a standard deviation of 1).
        steps: how often the gradient is asked for.
        seeds: ``[K]``, of `counters.member_seeds`; step: the training's.
    """
    reach = radius.view(-1, 1, 1, 1)
    stride = reach if steps == 1 else STRIDE * reach / steps
    open_ = {name: mask.unsqueeze(-1) for name, mask in present.items()}
    moved = dict(tokens)
    if steps > 1:
        for m, (name, x) in enumerate(tokens.items()):
            keys = member_keys(seeds, step, LAYERS["adversarial"] + m)
            u = counter_uniform(keys, x[0].numel()).view(x.shape)
            moved[name] = torch.where(open_[name], x + (2 * u - 1) * reach, x)
    for _ in range(steps):
        uphill = gradient(moved)
        for name, x in tokens.items():
            change = moved[name] + stride * uphill[name].sign() - x
            moved[name] = torch.where(open_[name], x + change.clamp(-reach, reach), x)
    return moved
