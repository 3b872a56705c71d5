"""What is learned beside the emotion: linear heads on the fused embedding, which the packaged model does not have.

A head is a vector ``[E + 1]``, weights and bias, that starts at zero, so what one head is does not depend on which
others there are. An unknown target is NaN and teaches nothing.
"""

import torch
from torch import Tensor

DIMENSIONS = ("valence", "arousal", "dominance")
HEADS = {"dimension_weight": DIMENSIONS, "intensity_weight": ("intensity",), "gender_adversary": ("gender",)}
"""The heads that a hyper-parameter needs, by their names in `Rows.side`."""


def wanted(on: frozenset[str]) -> tuple[str, ...]:
    """The heads of a population that uses these hyper-parameters."""
    return tuple(name for weight, names in HEADS.items() if weight in on for name in names)


def side_loss(
    embedding: Tensor,
    heads: dict[str, Tensor],
    side: dict[str, Tensor],
    hyper: dict[str, Tensor],
    on: frozenset[str],
) -> Tensor:
    """The weighted sum of the heads' losses, of one member; 0 where no target is known.

    ``d · mean over dimensions of (1 - CCC) + i · mean squared error of the intensity + g · gender's cross-entropy``,
    the last with its gradient reversed: the head learns to tell women from men, the embedding not to let it (Ganin et
    al., *Domain-Adversarial Training of Neural Networks*, JMLR 17, 2016). What this head can no longer read, one
    that is trained afterwards may (Elazar & Goldberg, EMNLP 2018).

    Args:
        embedding: ``[B, E]``; heads: ``{name: [E + 1]}``; side: ``{name: [B]}``, as in `Rows`.
        hyper: ``{hyper-parameter: []}``; on: those that some member of the population uses.
    """
    total = embedding.new_zeros(())
    dimensions = [name for name in DIMENSIONS if name in side]
    if "dimension_weight" in on and dimensions:
        discordances = torch.stack(
            [discordance(applied(heads[name], embedding), side[name]) for name in dimensions]
        )
        varies = torch.stack([_varies(side[name]) for name in dimensions])
        mean = (discordances * varies).sum() / varies.sum().clamp(min=1)
        total = total + hyper["dimension_weight"] * mean
    if "intensity_weight" in on and "intensity" in side:
        truth, known = _with_mask(side["intensity"])
        error = (applied(heads["intensity"], embedding) - truth).square()
        total = total + hyper["intensity_weight"] * _mean(error, known)
    if "gender_adversary" in on and "gender" in side:
        truth, known = _with_mask(side["gender"])
        score = applied(heads["gender"], reversed_gradient(embedding))
        cross_entropy = torch.nn.functional.softplus(score) - truth * score
        total = total + hyper["gender_adversary"] * _mean(cross_entropy, known)
    return total


def applied(head: Tensor, embedding: Tensor) -> Tensor:
    """A head's linear prediction: ``[E + 1], [B, E] → [B]``."""
    return embedding @ head[:-1] + head[-1]


def reversed_gradient(x: Tensor) -> Tensor:
    """``x``, whose gradient comes back with the other sign."""
    return 2 * x.detach() - x


def discordance(prediction: Tensor, truth: Tensor) -> Tensor:
    """1 less Lin's concordance (1989), ``2 cov / (var + var + (difference of means)²)``, where known: ``[B] → []``."""
    truth, known = _with_mask(truth)
    mean_p, mean_t = _mean(prediction, known), _mean(truth, known)
    p, t = prediction - mean_p, truth - mean_t
    spread = _mean(p.square(), known) + _mean(t.square(), known) + (mean_p - mean_t).square()
    return 1 - 2 * _mean(p * t, known) / spread.clamp(min=1e-6)


def _with_mask(truth: Tensor) -> tuple[Tensor, Tensor]:
    """With 0 for NaN, and 1 where there was a number, else 0."""
    known = ~truth.isnan()
    return torch.where(known, truth, 0.0), known.to(truth.dtype)


def _mean(x: Tensor, weight: Tensor) -> Tensor:
    return (x * weight).sum() / weight.sum().clamp(min=1.0)


def _varies(truth: Tensor) -> Tensor:
    """1 where the truth is not the same number everywhere, else 0: there concordance has no meaning."""
    values, known = _with_mask(truth)
    return (_mean((values - _mean(values, known)).square(), known) > 1e-6).to(truth.dtype)
