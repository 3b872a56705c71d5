"""Opinion pools fitted on validation rows: convex problems, as many steps for every member of a population."""

from collections.abc import Callable

import torch
from torch import Tensor

STEPS = 100
RIDGE = 0.02
SPREAD = 0.1
"""By how much a bias, or an entry of a stacker, differs from what it is a priori: few rows change little."""
FAINT = 0.01
"""The least weight: a modality that tells nothing still decides where it is alone."""


def evidence(logits: Tensor, there: Tensor, log_prior: Tensor) -> Tensor:
    """``log P(y | x_m) - log P(y)``, of mean 0 over the classes; 0 where a modality is absent: it tells nothing.

    Args:
        logits: ``[…, M, C]``, each modality's own.
        there: bool ``[B, M]``.
        log_prior: broadcasts to ``logits``.
    """
    x = logits - log_prior
    return (x - x.mean(-1, keepdim=True)) * there.unsqueeze(-1)


def fit_weights(
    x: Tensor, target: Tensor, seen: Tensor, *, prior: Tensor, class_weight: Tensor
) -> tuple[Tensor, Tensor]:
    """``w_m ≥ FAINT, b`` of largest posterior under ``logits = b + Σ_m w_m x_m``; b is a priori log P(y), by `SPREAD`.

    Without the ridge the weight of an expert that has learned to say nothing (``x_m`` near 0) would be anything.

    Args:
        x: ``[K, N, M, C]``, of `evidence`; or ``[S, K, N, M, C]``, that of each fit.
        target: ``[N]``.
        seen: bool ``[S, N]``, the rows of each fit.
        prior: ``[K, C]``, of each member's training targets.
        class_weight: ``[K, C]``, how much a row of each class counts.

    Returns:
        ``w [S, K, M], b [S, K, C]``.
    """
    fits = _fits(x, target, seen, class_weight)
    weights, bias = _pool(*fits, prior.log().repeat(len(seen), 1))
    return weights.unflatten(0, (len(seen), -1)), bias.unflatten(0, (len(seen), -1))


def _pool(x: Tensor, hot: Tensor, share: Tensor, base: Tensor) -> tuple[Tensor, Tensor]:
    """Of `_fits`, with the a priori bias ``[S K, C]``: ``[S K, M], [S K, C]``."""
    modalities = x.shape[1]
    start = torch.cat((x.new_full(x.shape[:2], 1.0 / modalities), base), dim=1)
    least = torch.cat((torch.full((modalities,), FAINT), torch.full((x.shape[2],), -torch.inf))).to(x.device)
    flat = x.flatten(2)
    ridge = share.amax((1, 2)).unsqueeze(-1) / SPREAD**2  # of the bias: 1 / (rows · variance)

    def slope(at: Tensor) -> Tensor:
        weights, bias = at[:, :modalities], at[:, modalities:]
        logits = (weights.unsqueeze(1) @ flat).view_as(hot) + bias.unsqueeze(-1)
        off = _residual(logits, hot, share)
        by_weight = (flat * off.flatten(1).unsqueeze(1)).sum(-1) + RIDGE * weights
        return torch.cat((by_weight, off.sum(-1) + ridge * (bias - base)), dim=1)

    found = _descend(start, slope, _curvature(x, share) + 0.5 + RIDGE + ridge.squeeze(-1), least=least)
    return found[:, :modalities], found[:, modalities:]


def fit_stacking(
    x: Tensor, target: Tensor, seen: Tensor, *, prior: Tensor, class_weight: Tensor
) -> tuple[Tensor, Tensor]:
    """``A, b`` of largest posterior under ``logits = b + Σ_m A_m x_m``, a priori ``A_m ~ w_m I`` by `SPREAD`.

    Weights and bias of the pool are fitted before, so that what tells nothing has next to no weight here, too.

    Args:
        x, target, seen, prior, class_weight: as in `fit_weights`.

    Returns:
        ``A [S, K, M, C, C], b [S, K, C]``.
    """
    modalities, classes = x.shape[-2:]
    x, hot, share = _fits(x, target, seen, class_weight)
    unit = torch.eye(classes, device=x.device).repeat(1, modalities)
    weights, base = _pool(x, hot, share, prior.log().repeat(len(seen), 1))
    pool = unit * weights.repeat_interleave(classes, dim=1).unsqueeze(1)  # [S K, C, M C]
    start = torch.cat((pool.flatten(1), base), dim=1)
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


def _fits(x: Tensor, target: Tensor, seen: Tensor, class_weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each fit of each member: ``x [S K, M, C, N]``, and of its rows the classes and shares ``[S K, C or 1, N]``.

    Rows come last: what is done over few classes is then done for many rows at once.
    """
    weight = seen.unsqueeze(1) * class_weight[:, target]  # [S, K, N]
    share = (weight / weight.sum(-1, keepdim=True).clamp(min=1e-9)).flatten(0, 1).unsqueeze(1)
    hot = torch.nn.functional.one_hot(target, x.shape[-1]).mT * share
    each = x.movedim(-3, -1).expand(len(seen), *[-1] * 4).flatten(0, 1).contiguous()
    return each, hot, share


def _residual(logits: Tensor, hot: Tensor, share: Tensor) -> Tensor:
    """The slope of each row's loss by its logits, times its share: ``[S K, C, N]``."""
    return logits.softmax(1) * share - hot


def _curvature(x: Tensor, share: Tensor) -> Tensor:
    """A bound on the Hessian's largest eigenvalue: half the mean squared length of a row (Böhning 1992). ``[S K]``"""
    return 0.5 * (x.square().sum((1, 2)) * share.squeeze(1)).sum(-1).clamp(min=1e-3)


def _descend(
    start: Tensor, slope: Callable[[Tensor], Tensor], curvature: Tensor, *, least: Tensor | None = None
) -> Tensor:
    """Nesterov's accelerated gradient from ``start [K, P]``, projected on ``≥ least [P]``."""
    at = ahead = start
    pace = 1 / curvature.unsqueeze(-1)
    for step in range(1, STEPS + 1):
        before, at = at, ahead - pace * slope(ahead)
        if least is not None:
            at = torch.maximum(at, least)
        ahead = at + step / (step + 3) * (at - before)
    return at
