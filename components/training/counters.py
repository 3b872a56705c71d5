"""Random numbers that are a function of (a member's seed, the step, the layer, the position), and of nothing else.

So a member of a population draws what it would draw alone, on every device.
"""

import torch
from torch import Tensor

_MULTIPLIERS = (0x21F0AAAD, 0x735A2D97)


def mix32(x: Tensor) -> Tensor:
    """A bijective 32-bit integer hash over int32 tensors, whose products wrap.

    ``lowbias32``, the variant of smallest bias in Chris Wellons, "Prospecting for Hash Functions" (2018, rev. 2020).
    """
    x = x ^ (x >> 16).bitwise_and_(0xFFFF)  # the shift is arithmetic
    x.mul_(_MULTIPLIERS[0])
    x.bitwise_xor_((x >> 15).bitwise_and_(0x1FFFF))
    x.mul_(_MULTIPLIERS[1])
    return x.bitwise_xor_((x >> 15).bitwise_and_(0x1FFFF))


def member_seeds(seeds: list[int], device: str) -> Tensor:
    """int32 ``[K]`` from seeds of any size."""
    states = torch.tensor(
        [(seed & 0xFFFFFFFF) - ((seed & 0x80000000) << 1) for seed in seeds], dtype=torch.int32
    )
    return mix32(states.to(device))


def member_keys(seeds: Tensor, step: int | Tensor, layer: int) -> Tensor:
    """One key a member, of (its seed, the step, the layer): int32 ``[K]``. A step's tensor is int32 ``[]``."""
    return mix32(mix32(seeds ^ (step & 0x7FFFFFFF)) ^ layer)


def counter_bits(keys: Tensor, count: int) -> Tensor:
    """``count`` numbers of 16 bits from each key: int16 ``[K] → [K, count]``; one hash serves two neighbours."""
    counter = mix32(torch.arange((count + 1) // 2, device=keys.device, dtype=torch.int32))
    return mix32(counter ^ keys.unsqueeze(-1)).view(torch.int16)[:, :count]


def counter_uniform(keys: Tensor, count: int) -> Tensor:
    """As `counter_bits`, as float32 in [0, 1): ``[K] → [K, count]``."""
    return (counter_bits(keys, count).to(torch.float32) + 32768.0) * 2.0**-16


def counter_uniform24(keys: Tensor, count: int) -> Tensor:
    """``count`` numbers of 24 bits from each key, as float32 in [0, 1): ``[K] → [K, count]``; one hash each."""
    counter = mix32(torch.arange(count, device=keys.device, dtype=torch.int32))
    return (mix32(counter ^ keys.unsqueeze(-1)) >> 8).bitwise_and_(0xFFFFFF).to(torch.float32) * 2.0**-24


def dropout_mask(keys: Tensor, count: int, rate: Tensor) -> Tensor:
    """0 with the member's rate, else ``1 / (1 - rate)``: ``[K], [K] → float32 [K, count]``."""
    dropped = (rate * 65536.0).round()
    least = (dropped - 32768.0).to(torch.int16)
    kept = counter_bits(keys, count) >= least.unsqueeze(-1)
    return kept * (65536.0 / (65536.0 - dropped)).unsqueeze(-1)
