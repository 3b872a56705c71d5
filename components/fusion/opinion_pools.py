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


def fit_weights(x: Tensor, target: Tensor) -> Tensor:
    """The weights ``w_m ≥ FAINT`` of largest likelihood under ``logits = Σ_m w_m x_m``, drawn to 0 by a ridge.

    Without it the weight of an expert that has learned to say nothing (``x_m`` near 0) would be anything.

    Args:
        x: ``[K, N, M, C]``, of `centred`.
        target: ``[N]``.

    Returns:
        ``[K, M]``.
    """
    start = x.new_full((x.shape[0], x.shape[2]), 1.0 / x.shape[2])

    def slope(weights: Tensor) -> Tensor:
        off = _residual(torch.einsum("knmc,km->knc", x, weights), target)
        return torch.einsum("knc,knmc->km", off, x) + RIDGE * weights

    return _descend(start, slope, _curvature(x) + RIDGE, least=FAINT)


def fit_stacking(x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """``A, b`` of largest posterior under ``logits = b + Σ_m A_m x_m``, a priori ``A_m ~ w_m I, b ~ 0`` by `SPREAD`.

    Those weights are fitted before, so that what tells nothing has next to no weight here, too.

    Returns:
        ``A [K, M, C, C], b [K, C]``.
    """
    members, _, modalities, classes = x.shape
    unit = torch.eye(classes, device=x.device).repeat(members, modalities, 1, 1)
    pool = fit_weights(x, target)[:, :, None, None] * unit
    start = torch.cat((pool.flatten(1), x.new_zeros(members, classes)), dim=1)
    ridge = 1 / (SPREAD**2 * len(target))

    def apart(flat: Tensor) -> tuple[Tensor, Tensor]:
        return flat[:, :-classes].view_as(pool), flat[:, -classes:]

    def slope(flat: Tensor) -> Tensor:
        mixing, bias = apart(flat)
        off = _residual(torch.einsum("knmc,kmdc->knd", x, mixing) + bias.unsqueeze(1), target)
        of_mixing = torch.einsum("knd,knmc->kmdc", off, x)
        return torch.cat((of_mixing.flatten(1), off.sum(1)), dim=1) + ridge * (flat - start)

    return apart(_descend(start, slope, _curvature(x) + 0.5 + ridge))


def _residual(logits: Tensor, target: Tensor) -> Tensor:
    hot = torch.nn.functional.one_hot(target, logits.shape[-1]).to(logits.dtype)
    return (logits.softmax(-1) - hot) / len(target)


def _curvature(x: Tensor) -> Tensor:
    """A bound on the Hessian's largest eigenvalue: half the mean squared length of a row (Böhning 1992). ``[K]``"""
    return 0.5 * x.square().sum((-1, -2)).mean(-1).clamp(min=1e-3)


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
