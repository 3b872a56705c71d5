"""What needs no model: the floor under every figure. Nothing is trained; nothing is read of what was said or shown."""

from typing import ClassVar

import torch
from torch import Tensor

from .layers import complete
from .output import FusionOutput
from .strategy import Strategy

MULTIPLIER = 0x21F0AAAD
"""Odd, of good avalanche: Chris Wellons, "Prospecting for Hash Functions" (2018)."""
NUDGE = 1e-3


class Majority(Strategy):
    """The most frequent class of the training rows, for every row; its probabilities are the classes' shares there."""

    architecture_keys: ClassVar[tuple[str, ...]] = ()
    log_shares: Tensor

    def __init__(self, dimensions: dict[str, int], classes: int):
        super().__init__(dimensions, classes)
        self.register_buffer("log_shares", torch.full((classes,), 1.0 / classes).log())

    def fit_on_training(
        self, tokens: dict[str, Tensor], present: dict[str, Tensor], target: Tensor
    ) -> dict[str, Tensor]:
        count = torch.bincount(target[target >= 0], minlength=self.classes) + 1.0  # none is impossible
        return {"log_shares": (count / count.sum()).log()}

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        rows = next(iter(tokens.values())).shape[0]
        logits = self.log_shares.expand(rows, -1)
        return FusionOutput(logits, torch.zeros_like(logits))


class Chance(Strategy):
    """A class drawn evenly for each row; its probabilities are even but for a nudge towards what was drawn.

    The draw hashes the member's seed with the bits of the row's tokens, so that it is the same for the same row
    wherever in a batch it stands, and tells nothing else of it.
    """

    architecture_keys: ClassVar[tuple[str, ...]] = ()
    seed: Tensor

    def __init__(self, dimensions: dict[str, int], classes: int):
        super().__init__(dimensions, classes)
        self.register_buffer("seed", torch.randint(1 << 30, (), dtype=torch.int32))

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        tokens, present = complete(tokens, present, self.dimensions)
        row_hash = torch.zeros_like(next(iter(present.values()))[:, 0], dtype=torch.int32)  # [B]
        for i, name in enumerate(self.modalities):
            bits = tokens[name].detach().to(torch.float32).view(torch.int32)  # [B, T, D]
            place = torch.arange(bits.shape[1] * bits.shape[2], device=bits.device, dtype=torch.int32)
            mixed = _mix(_mix(bits ^ (self.seed + i)) ^ place.view(bits.shape[1:]))
            row_hash = row_hash + torch.where(present[name].unsqueeze(-1), mixed, 0).sum(
                (1, 2), dtype=torch.int32
            )
        draws = _mix(
            row_hash.unsqueeze(-1) + _mix(torch.arange(self.classes, device=row_hash.device).int() + 1)
        )
        logits = NUDGE * draws.to(torch.float32) * 2.0**-31  # [B, C] within ± NUDGE
        return FusionOutput(logits, torch.zeros_like(logits))


def _mix(x: Tensor) -> Tensor:
    """A bijective 32-bit hash over int32, whose products wrap."""
    x = x ^ ((x >> 16) & 0xFFFF)
    x = x * MULTIPLIER
    x = x ^ ((x >> 15) & 0x1FFFF)
    x = x * MULTIPLIER
    return x ^ ((x >> 15) & 0x1FFFF)
