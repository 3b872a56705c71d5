"""Layers of an encoder as one: the sum by weights that are learned with everything else.

Yang et al., *SUPERB: Speech processing Universal PERformance Benchmark*, Interspeech 2021: a scalar a layer, softmax
over them, the weighted sum.
"""

from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

Blocks = tuple[tuple[int, int], ...]
"""For each encoder of a modality, in their order along D: the features of a layer, and how many layers."""

SPEED = 10.0
"""The scalars move this many times as fast as a weight of the model does: a training has hundreds of steps, SUPERB's
has tens of thousands, and AdamW moves a scalar by about the learning rate a step."""


class LayerWeights(nn.Module):
    """The layers of each encoder summed, at the features' place: ``[B, T, Σ L · D] → [B, T, Σ D]``.

    An encoder of one layer stays as it is. All layers weigh the same at the start.

    Args:
        blocks: ``{modality: its blocks}``, of the modalities that have an encoder of several layers.
    """

    def __init__(self, blocks: Mapping[str, Blocks]):
        super().__init__()
        self.blocks = dict(blocks)
        self.scalars = nn.ModuleDict(
            {
                name: nn.ParameterDict(
                    {
                        str(i): nn.Parameter(torch.zeros(layers))
                        for i, (_, layers) in enumerate(parts)
                        if layers > 1
                    }
                )
                for name, parts in blocks.items()
            }
        )

    def summed_sizes(self, dimensions: Mapping[str, int]) -> dict[str, int]:
        """The sizes of tokens after the sum, of those before."""
        for name, parts in self.blocks.items():
            assert dimensions[name] == sum(size * layers for size, layers in parts), (
                f"{name}: tokens have {dimensions[name]} features, its layers {parts}"
            )
        return {
            name: sum(size for size, _ in self.blocks[name]) if name in self.blocks else size
            for name, size in dimensions.items()
        }

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        """``tokens[m] [B, T, D_m]``, ``present[m]`` bool ``[B, T]``; zeros at absent positions of what is summed."""
        layered = [name for name in self.blocks if name in tokens]
        return tokens | {name: self._summed(name, tokens[name], present[name]) for name in layered}

    def _summed(self, name: str, x: Tensor, present: Tensor) -> Tensor:
        x = torch.where(present.unsqueeze(-1), x, 0.0)  # else the scalars' gradient is NaN where x is
        parts = x.split([size * layers for size, layers in self.blocks[name]], dim=-1)
        scalars = cast(nn.ParameterDict, self.scalars[name])
        summed = []
        for i, (part, (size, layers)) in enumerate(zip(parts, self.blocks[name], strict=True)):
            if layers > 1:
                weights = shares(scalars[str(i)]).unsqueeze(-1)
                part = (weights * part.unflatten(-1, (layers, size))).sum(-2)
            summed.append(part)
        return torch.cat(summed, dim=-1)


def shares(scalars: Tensor) -> Tensor:
    """The layers' weights, which sum to 1: ``[..., L] → [..., L]``."""
    return (SPEED * scalars).softmax(-1)


def learned(state: Mapping[str, np.ndarray], modality: str, encoder: int, members: int) -> np.ndarray:
    """The layers' weights in each member of a trained model: ``[K, L]``.

    Args:
        state: of its `EmotionModel`.
        modality: that the encoder is of.
        encoder: its place among those of the modality.
        members: how many, K.
    """
    scalars = [state[f"members.{k}.layer_weights.scalars.{modality}.{encoder}"] for k in range(members)]
    return shares(torch.from_numpy(np.stack(scalars))).numpy()
