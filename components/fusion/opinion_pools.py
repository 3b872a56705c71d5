"""Opinion pools fitted on validation rows: convex problems, as many steps for every member of a population."""

from collections.abc import Callable

import torch
from torch import Tensor

STEPS = 100
RIDGE = 0.02
SPREAD = 0.1
"""By how much an entry of a stacker differs from its pool a priori, as a standard deviation: few rows change little."""
FAINT = 0.01
"""The least weight: a modality that tells nothing still decides where it is alone."""


def centred(logits: Tensor, there: Tensor) -> Tensor:
    """Log-probabilities of mean 0 over the classes, 0 where a modality is absent: ``[…, M, C], [B, M] → […, M, C]``."""
    return (logits - logits.mean(-1, keepdim=True)) * there.unsqueeze(-1)


def fit_weights(x: Tensor, target: Tensor, seen: Tensor) -> Tensor:
    """The weights ``w_m ≥ FAINT`` of largest likelihood under ``logits = Σ_m w_m x_m``, drawn to 0 by a ridge.

    Without it the weight of an expert that has learned to say nothing (``x_m`` near 0) would be anything.

    Args:
        x: ``[K, N, M, C]``, of `centred`.
        target: ``[N]``.
        seen: bool ``[S, N]``, the rows of each fit.

    Returns:
        ``[S, K, M]``.
    """
    return _weights(*_fits(x, target, seen)).unflatten(0, (len(seen), -1))


def _weights(x: Tensor, hot: Tensor, share: Tensor) -> Tensor:
    """Of `_fits`: ``[S K, M]``."""
    start = x.new_full(x.shape[:2], 1.0 / x.shape[1])
    flat = x.flatten(2)

    def slope(weights: Tensor) -> Tensor:
        logits = (weights.unsqueeze(1) @ flat).view_as(hot)
        off = _residual(logits, hot, share).flatten(1).unsqueeze(1)
        return (flat * off).sum(-1) + RIDGE * weights

    return _descend(start, slope, _curvature(x, share) + RIDGE, least=FAINT)


def fit_stacking(x: Tensor, target: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """``A, b`` of largest posterior under ``logits = b + Σ_m A_m x_m``, a priori ``A_m ~ w_m I, b ~ 0`` by `SPREAD`.

    Those weights are fitted before, so that what tells nothing has next to no weight here, too.

    Args:
        x, target, seen: as in `fit_weights`.

    Returns:
        ``A [S, K, M, C, C], b [S, K, C]``.
    """
    modalities, classes = x.shape[2:]
    x, hot, share = _fits(x, target, seen)
    unit = torch.eye(classes, device=x.device).repeat(1, modalities)
    pool = unit * _weights(x, hot, share).repeat_interleave(classes, dim=1).unsqueeze(1)  # [S K, C, M C]
    start = torch.cat((pool.flatten(1), x.new_zeros(len(x), classes)), dim=1)
    ridge = share.amax((1, 2)).unsqueeze(-1) / SPREAD**2  # 1 / (rows · variance)
    flat = x.flatten(1, 2)  # [S K, M C, N]

    def slope(at: Tensor) -> Tensor:
        mixing, bias = at[:, :-classes].view_as(pool), at[:, -classes:]
        off = _residual(torch.baddbmm(bias.unsqueeze(-1), mixing, flat), hot, share)
        return torch.cat(((off @ flat.mT).flatten(1), off.sum(-1)), dim=1) + ridge * (at - start)

    found = _descend(start, slope, _curvature(x, share) + 0.5 + ridge.squeeze(-1))
    found = found.unflatten(0, (len(seen), -1))
    mixing = found[..., :-classes].unflatten(-1, (classes, modalities, classes)).transpose(-2, -3)
    return mixing, found[..., -classes:]


def _fits(x: Tensor, target: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each fit of each member: ``x [S K, M, C, N]``, and of its rows the classes and shares ``[S K, C or 1, N]``.

    Rows come last: what is done over few classes is then done for many rows at once.
    """
    share = (seen / seen.sum(1, keepdim=True).clamp(min=1)).repeat_interleave(len(x), dim=0).unsqueeze(1)
    hot = torch.nn.functional.one_hot(target, x.shape[-1]).mT * share
    return x.permute(0, 2, 3, 1).repeat(len(seen), 1, 1, 1), hot, share


def _residual(logits: Tensor, hot: Tensor, share: Tensor) -> Tensor:
    """The slope of each row's loss by its logits, times its share: ``[S K, C, N]``."""
    return logits.softmax(1) * share - hot


def _curvature(x: Tensor, share: Tensor) -> Tensor:
    """A bound on the Hessian's largest eigenvalue: half the mean squared length of a row (Böhning 1992). ``[S K]``"""
    return 0.5 * (x.square().sum((1, 2)) * share.squeeze(1)).sum(-1).clamp(min=1e-3)


def _descend(
    start: Tensor, slope: Callable[[Tensor], Tensor], curvature: Tensor, *, least: float | None = None
) -> Tensor:
    """Nesterov's accelerated gradient from ``start [K, P]``, projected on ``≥ least``."""
    at = ahead = start
    pace = 1 / curvature.unsqueeze(-1)
    for step in range(1, STEPS + 1):
        before, at = at, ahead - pace * slope(ahead)
        if least is not None:
            at = at.clamp(min=least)
        ahead = at + step / (step + 3) * (at - before)
    return at
