"""Many features to few: principal components, or an autoencoder's hidden layer. Fitted on training tokens only."""

from dataclasses import dataclass

import torch
from torch import Tensor

WHITENING = 0.5
KINDS = ("pca", "autoencoder", "none")

BREADTH = 4
"""The autoencoder sees this many principal components for each of its hidden units; what lies beyond is noise to it."""
STEPS, BATCH, RATE = 500, 256, 1e-3
BEGIN = 0.5
"""How far into tanh's bend a hidden unit begins, in deviations of its component."""


@dataclass(frozen=True)
class Reduction:
    """What is done with an encoder that gives many features.

    Attributes:
        reduction: of `KINDS`; "none" keeps every feature.
        components: how many remain.
        above: encoders of more features than this are reduced.
    """

    reduction: str = "pca"
    components: int = 128
    above: int = 512


def principal_axes(z: Tensor, components: int, *, whitening: float = WHITENING) -> tuple[Tensor, Tensor]:
    """The mean ``[D]`` and the axes ``[D, components]`` of largest variance, of tokens ``[N, D]``.

    Components are scaled by the power ``-whitening / 2`` of their variance, between plain PCA (0) and whitening (1),
    and then together so that their mean variance is 1. Axes beyond the rank are 0.
    """
    centre = z.mean(0)
    z = (z - centre).double()
    count, features = z.shape
    if count <= features:  # the smaller of the two Gram matrices
        values, vectors = torch.linalg.eigh(z @ z.T)
        axes = z.T @ vectors
    else:
        values, axes = torch.linalg.eigh(z.T @ z)
    order = torch.arange(len(values) - 1, -1, -1)[:components]  # largest first
    values, axes = values[order].clamp(min=0.0), axes[:, order]
    axes = axes / axes.norm(dim=0).clamp(min=1e-12)
    axes = axes * torch.where(
        axes.gather(0, axes.abs().argmax(0)[None]) < 0, -1.0, 1.0
    )  # one sign, everywhere
    real = values > 1e-9 * values.sum()
    variance = values / count
    power = torch.where(real, variance.clamp(min=1e-30) ** (-whitening / 2), 0.0)
    level = ((variance * power**2).sum() / real.sum().clamp(min=1)).sqrt().clamp(min=1e-12)
    axes = axes * power / level  # mean variance of the components: 1
    missing = components - axes.shape[1]
    return centre, torch.nn.functional.pad(axes, (0, missing)).float().contiguous()


def autoencoder(z: Tensor, components: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The encoder of ``z ≈ tanh((z - centre) axes + bias) V + c``, of least squared error on tokens ``[N, D]``.

    One hidden layer (Hinton & Salakhutdinov, *Reducing the Dimensionality of Data with Neural Networks*, Science
    313, 2006, figure 1), begun at the principal components and trained for `STEPS` steps of Adam in the coordinates
    of the first ``BREADTH · components`` of them: an autoencoder does not notice a rotation of what it sees.

    Returns:
        ``centre [D], axes [D, components], bias [components]`` and the deviation of each hidden unit on these
        tokens, ``[components]``; a unit that never moves has deviation 1.
    """
    centre, rotation = principal_axes(z, BREADTH * components, whitening=0.0)
    x = (z - centre) @ rotation  # [N, 4 k]
    spread = x[:, :components].std(0, correction=0)
    real = spread > 1e-6
    encode = torch.zeros(x.shape[1], components)
    encode[:components] = torch.diag(torch.where(real, BEGIN / spread.clamp(min=1e-6), 0.0))
    bias = torch.zeros(components)
    hidden = torch.tanh(x @ encode)
    ridge = 1e-3 * len(x) * torch.eye(components)
    decode = torch.linalg.solve(hidden.T @ hidden + ridge, hidden.T @ x)
    learnt = [encode, bias, decode, torch.zeros(x.shape[1])]
    _descend(x, learnt)
    encode, bias = learnt[0], learnt[1]
    deviation = torch.tanh(x @ encode + bias).std(0, correction=0)
    return centre, (rotation @ encode).contiguous(), bias, torch.where(deviation > 1e-6, deviation, 1.0)


def _descend(x: Tensor, learnt: list[Tensor]) -> None:
    """Adam on the mean squared error, in place; the same batches every time."""
    generator = torch.Generator().manual_seed(0)
    with torch.enable_grad():
        optimizer = torch.optim.Adam([each.requires_grad_() for each in learnt], lr=RATE, foreach=False)
        for _ in range(STEPS):
            part = x[torch.randint(len(x), (min(BATCH, len(x)),), generator=generator)]
            encode, bias, decode, offset = learnt
            loss = (torch.tanh(part @ encode + bias) @ decode + offset - part).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    for i, each in enumerate(learnt):
        learnt[i] = each.detach()
