"""Rows of two modalities that tell of the class, with tokens missing here and there: learnt in seconds."""

import torch
from emoflow.training.data import Rows

CLASSES = 3
SIZES = {"audio": 6, "face": 4}
SHAPE = {"width": 16, "layers": 1, "heads": 2, "narrow": 4, "rank": 2, "order": 1, "slots": 4, "experts": 2}
"""The smallest architecture of every strategy."""


def rows(count: int, seed: int, *, tokens: int = 3, noise: float = 1.0, there: float = 0.8) -> Rows:
    """``there``: the share of tokens that are."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, CLASSES, (count,), generator=generator)
    shown = torch.nn.functional.one_hot(target, CLASSES).float()
    made, present = {}, {}
    for name, size in SIZES.items():
        mixing = torch.randn(CLASSES, size, generator=torch.Generator().manual_seed(size))
        made[name] = (shown @ mixing)[:, None] + noise * torch.randn(count, tokens, size, generator=generator)
        present[name] = torch.rand(count, tokens, generator=generator) < there
    return Rows(made, present, target)
