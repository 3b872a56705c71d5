"""Contrastive losses: what belongs together lies closer than the rest of the batch."""

from itertools import combinations

import torch
from torch import Tensor

TEMPERATURE = 0.1
_NEVER = -1e9
"""A score that no softmax sees; not -inf, whose gradient is none."""


def unit(x: Tensor) -> Tensor:
    """``[..., E]`` of length 1; a vector of zeros stays, and its gradient is finite."""
    return x * (x.square().sum(-1, keepdim=True) + 1e-12).rsqrt()


def supervised_contrast(embedding: Tensor, classes: Tensor) -> Tensor:
    """SupCon, ``L_out``: rows of one class attract, all others repel: ``[B, E], [B, C] → []``.

    ``-1/|P(i)| Σ_{p ∈ P(i)} log( exp(z_i z_p / τ) / Σ_{a ≠ i} exp(z_i z_a / τ) )``, the mean over the rows i that have
    another of their class in the batch; rows without a label are left out. Khosla et al., *Supervised Contrastive
    Learning*, NeurIPS 2020, equation 2. Two mixed rows attract by the chance that a class drawn from each is the same.

    Args:
        classes: as in `Batch`.
    """
    z = unit(embedding)
    labelled = classes.any(-1)
    others = labelled[:, None] & labelled & ~torch.eye(len(z), dtype=torch.bool, device=z.device)
    positive = (others * (classes @ classes.T)).to(z.dtype)
    scores = (z @ z.T / TEMPERATURE).masked_fill(~others, _NEVER)
    certain = scores - scores.logsumexp(-1, keepdim=True)
    count = positive.sum(-1)
    each = -(certain * positive).sum(-1) / torch.where(count > 0, count, 1.0)
    return each.sum() / (count > 0).sum().clamp(min=1)


def alignment(embeddings: dict[str, Tensor], there: dict[str, Tensor]) -> Tensor:
    """Symmetric InfoNCE between two modalities' embeddings of the same rows; the mean over pairs of modalities.

    Among the rows that have both, a row's embedding in one modality is to find its own in the other, both ways: CLIP
    (Radford et al. 2021, figure 3), with a fixed temperature and without projections.

    Args:
        embeddings: ``{modality: [B, E]}``; there: ``{modality: bool [B]}``.
    """
    z = {name: unit(x) for name, x in embeddings.items()}
    pairs = [_matched(z[one], z[other], there[one] & there[other]) for one, other in combinations(z, 2)]
    return torch.stack(pairs).mean()


def _matched(one: Tensor, other: Tensor, both: Tensor) -> Tensor:
    scores = (one @ other.T / TEMPERATURE).masked_fill(~(both[:, None] & both), _NEVER)
    own = scores.diagonal()
    missed = scores.logsumexp(0) + scores.logsumexp(1) - 2 * own
    mask = both.to(one.dtype)
    return (missed * mask).sum() / 2 / mask.sum().clamp(min=1.0)
