"""How much two modalities tell the same thing, and the order of joining that follows from it."""

import torch
from torch import Tensor

ROWS = 1000
"""The size of the random sample looked at: the statistic's matrices are of rows by rows."""
SAMPLE_SEED = 0
FEWEST = 4


def alignment(x: Tensor, y: Tensor) -> float:
    """Centred kernel alignment with linear kernels and without bias: ``[N, D], [N, E] →`` in about [0, 1].

    It is the RV coefficient (Robert & Escoufier 1976), a squared correlation of whole vectors, with the unbiased
    estimate of Song et al. (JMLR 13, 2012, equation 5) in numerator and denominator: without it many features on few
    rows would look correlated (Kornblith et al., ICML 2019, section 3; Nguyen, Raghu & Kornblith, ICLR 2021).
    0 where either is constant, or there are fewer than `FEWEST` rows.
    """
    if len(x) < FEWEST:
        return 0.0
    kernels = [_kernel(each) for each in (x, y)]
    both, one, other = (
        _independence(a, b) for a, b in (kernels, (kernels[0], kernels[0]), (kernels[1], kernels[1]))
    )
    spread = one * other
    return both / spread**0.5 if one > 0 and other > 0 else 0.0


def correlated_order(pooled: dict[str, Tensor], there: dict[str, Tensor]) -> list[int]:
    """The places of the modalities, most correlated pair first, then always the one most correlated with any before.

    Args:
        pooled: ``{modality: [N, D]}``; there: ``{modality: bool [N]}``. A pair is held against each other on the rows
            that have both.
    """
    names = list(pooled)
    if len(names) == 1:
        return [0]
    found = {}
    for i, one in enumerate(names):
        for j in range(i):
            rows = (there[one] & there[names[j]]).nonzero().squeeze(-1)
            if len(rows) > ROWS:  # not a stride: corpora list takes and emotions in a fixed order
                generator = torch.Generator().manual_seed(SAMPLE_SEED)
                rows = rows[torch.randperm(len(rows), generator=generator)[:ROWS].to(rows.device)]
            found[i, j] = found[j, i] = alignment(pooled[one][rows], pooled[names[j]][rows])
    first = max(found, key=lambda pair: (found[pair], -pair[0], -pair[1]))
    order = sorted(first)
    while len(order) < len(names):
        rest = [i for i in range(len(names)) if i not in order]
        order.append(max(rest, key=lambda i: (max(found[i, j] for j in order), -i)))
    return order


def _kernel(x: Tensor) -> Tensor:
    x = x.double() - x.double().mean(0)
    return (x @ x.T).fill_diagonal_(0.0)


def _independence(a: Tensor, b: Tensor) -> float:
    """The unbiased Hilbert–Schmidt independence criterion of kernels ``[N, N]`` whose diagonal is 0."""
    n = len(a)
    whole = a.sum() * b.sum() / ((n - 1) * (n - 2))
    return float(((a * b).sum() + whole - 2 / (n - 2) * (a.sum(0) * b.sum(0)).sum()) / (n * (n - 3)))
