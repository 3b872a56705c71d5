"""What the strategies are built of: pooling and attention under masks, dropout that a seed decides, perceptrons.

Nothing here branches on data or keeps running statistics, so a population of models runs under ``torch.func.vmap``.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

Tokens = dict[str, Tensor]


class Dropout(nn.Module):
    """Inverted dropout whose mask is given, not drawn.

    The trainer draws it from (member's seed, step, layer) before each step, for as many elements as ``count`` says
    of the last forward pass; so a member of a population is dropped out exactly as it would be alone. Identity in
    evaluation, and where the mask is the scalar 1.

    Args:
        hyperparameter: the configuration's key for the rate.
    """

    mask: Tensor

    def __init__(self, hyperparameter: str = "dropout"):
        super().__init__()
        self.hyperparameter = hyperparameter
        self.count = 0
        self.register_buffer("mask", torch.ones(()), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        self.count = x.numel()
        return x * self.mask.view(x.shape) if self.mask.dim() else x


class Perceptron(nn.Module):
    """``layers`` times linear, GELU, dropout; applied to the last axis. Input dropout comes first.

    Args:
        inputs: size of the last axis.
        width: size of every hidden layer and of the result.
    """

    def __init__(self, inputs: int, width: int, layers: int = 1):
        super().__init__()
        self.dropout = Dropout("input_dropout")
        self.linear = nn.ModuleList(nn.Linear(inputs if i == 0 else width, width) for i in range(layers))
        self.dropouts = nn.ModuleList(Dropout() for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(x)
        for linear, dropout in zip(self.linear, self.dropouts, strict=True):
            x = dropout(nn.functional.gelu(linear(x)))
        return x


def complete(tokens: Tokens, present: Tokens, dimensions: dict[str, int]) -> tuple[Tokens, Tokens]:
    """Every modality of ``dimensions``, in its order; one that is not in ``tokens`` comes as absent.

    Values at absent positions, whatever they held (NaN too), become zeros.
    """
    some = next((tokens[name] for name in dimensions if name in tokens), None)
    assert some is not None, f"none of {list(dimensions)} among the tokens given: {list(tokens)}"
    rows = some.shape[0]
    whole, there = {}, {}
    for name, size in dimensions.items():
        if name in tokens:
            x, mask = tokens[name], present[name]
            assert x.shape[-1] == size, f"{name}: tokens have {x.shape[-1]} features, expected {size}"
            assert x.shape[:2] == mask.shape, f"{name}: tokens {tuple(x.shape)}, mask {tuple(mask.shape)}"
            whole[name] = torch.where(mask.unsqueeze(-1), x, 0.0)
            there[name] = mask
        else:
            whole[name] = some.new_zeros(rows, 1, size)
            there[name] = torch.zeros(rows, 1, dtype=torch.bool, device=some.device)
    return whole, there


def masked_mean(x: Tensor, present: Tensor) -> Tensor:
    """The mean of the tokens that are present: ``[B, T, D], [B, T] → [B, D]``; zeros where there are none."""
    mask = present.unsqueeze(-1).to(x.dtype)
    return (x * mask).sum(1) / mask.sum(1).clamp(min=1.0)


class AbsentToken(nn.Module):
    """Puts a learned vector where a modality is absent: ``[B, D], [B] → [B, D]``."""

    def __init__(self, size: int):
        super().__init__()
        self.token = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        return torch.where(there.unsqueeze(-1), x, self.token)


class Attention(nn.Module):
    """Multi-head attention (Vaswani et al. 2017) as explicit products, since ``vmap`` has no fused kernel.

    A query whose keys are all masked receives zeros from this layer (before the output's bias), never NaN.
    """

    FEW: ClassVar = 9
    """Up to so many pairs of a query and a key, products and sums of elements are as fast as matrix products on a CPU
    (5 to 10 % faster at 2 x 2), and 3.4 times as fast on a GPU (2 x 2 tokens, 65,536 rows of an H200)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        assert width % heads == 0, f"width {width} is not a multiple of {heads} heads"
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, width)

    def forward(self, queries: Tensor, keys: Tensor, present: Tensor) -> Tensor:
        """``queries [B, Q, W], keys [B, T, W], present [B, T] → [B, Q, W]``."""
        q = self._split(self.query(queries))
        k, v = (self._split(x) for x in self.key_value(keys).chunk(2, dim=-1))
        weights = self._attended(q, k, present)
        few = self._few(q, k)
        mixed = (weights.unsqueeze(-1) * v.unsqueeze(-3)).sum(-2) if few else weights @ v
        mixed = mixed.transpose(1, 2).flatten(-2)  # [B, Q, W]
        output: Tensor = self.output(mixed)
        return output

    def weights(self, queries: Tensor, keys: Tensor, present: Tensor) -> Tensor:
        """What `forward` weighs the keys' values by: ``[B, H, Q, T]``; rows sum to 1, or to 0 without a key."""
        k, _ = self.key_value(keys).chunk(2, dim=-1)
        return self._attended(self._split(self.query(queries)), self._split(k), present)

    def _attended(self, q: Tensor, k: Tensor, present: Tensor) -> Tensor:
        """``[B, H, Q, W / H], [B, H, T, W / H], [B, T] → [B, H, Q, T]``."""
        few = self._few(q, k)
        scores = (q.unsqueeze(-2) * k.unsqueeze(-3)).sum(-1) if few else q @ k.transpose(-1, -2)
        scores = scores * (q.shape[-1] ** -0.5)
        mask = present[:, None, None, :]
        scores = scores.masked_fill(~mask, -1e9)
        return torch.softmax(scores, dim=-1) * mask  # all masked: zeros

    def _few(self, q: Tensor, k: Tensor) -> bool:
        return q.shape[-2] * k.shape[-2] <= self.FEW

    def _split(self, x: Tensor) -> Tensor:
        heads: Tensor = x.unflatten(-1, (self.heads, -1))
        return heads.transpose(-2, -3)  # [B, H, T, W / H]


class FeedForward(nn.Module):
    """Pre-norm feed-forward of twice the width, added to its input."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)
        self.dropout = Dropout()

    def forward(self, x: Tensor) -> Tensor:
        fed: Tensor = self.down(self.dropout(nn.functional.gelu(self.up(self.norm(x)))))
        return x + fed


class SelfLayer(nn.Module):
    """A transformer's layer, pre-norm (Xiong et al. 2020): self-attention, then feed-forward, each added."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.dropout = Dropout()
        self.feed_forward = FeedForward(width)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """``[B, T, W], [B, T] → [B, T, W]``."""
        z = self.norm(x)
        fed: Tensor = self.feed_forward(x + self.dropout(self.attention(z, z, present)))
        return fed


def resample(x: Tensor, present: Tensor, slots: int) -> Tensor:
    """The tokens that are present, spread over as many slots for every row: ``[B, T, W], [B, T] → [B, slots, W]``.

    Each slot is the mean of the tokens around its place in time, weighted by a hat as wide as the coarser of the two
    grids: linear interpolation where tokens are few, averaging where they are many. Zeros in a row without tokens.
    """
    mask = present.to(x.dtype)
    count = mask.sum(1, keepdim=True).clamp(min=1.0)  # [B, 1]
    place = (mask.cumsum(1) - 0.5) / count  # in (0, 1) [B, T]
    centre = (torch.arange(slots, device=x.device, dtype=x.dtype) + 0.5) / slots
    reach = (1.0 / count).clamp(min=1.0 / slots).unsqueeze(-1)  # [B, 1, 1]
    weight = (1 - (place.unsqueeze(1) - centre[:, None]).abs() / reach).clamp(min=0.0) * mask.unsqueeze(1)
    return weight @ x / weight.sum(-1, keepdim=True).clamp(min=1e-6)


def position_code(length: int, width: int, like: Tensor) -> Tensor:
    """Sinusoidal positions ``[length, width]`` (Vaswani et al. 2017), zero at the first position's sine part.

    In float32 on the device of ``like``: positions and the stream that they are added to need its precision.
    """
    position = torch.arange(length, device=like.device, dtype=torch.float32)[:, None]
    frequency = torch.exp(
        torch.arange(0, width, 2, device=like.device, dtype=torch.float32) * (-9.21034 / width)
    )
    angle = position * frequency
    return torch.stack((torch.sin(angle), torch.cos(angle)), dim=-1).flatten(-2)[:, :width]
