"""The transformer of wav2vec 2.0 (Baevski et al. 2020) with its normalisation first, as AV-HuBERT has it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .configuration import AvHubertConfig


class Transformer(nn.Module):
    """A convolution gives the positions; blocks of attention and a feed-forward network follow."""

    def __init__(self, config: AvHubertConfig):
        super().__init__()
        # A sequence for the names of the weights alone: published checkpoints have them so.
        self.pos_conv = nn.Sequential(
            PositionConvolution(config.hidden_size, config.position_kernel, config.position_groups)
        )
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.layer_norm = nn.LayerNorm(config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout)
        self.layer_dropout = config.layer_dropout

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run the blocks.

        Args:
            x: ``[B, T, D]``.
            attention_mask: bool ``[B, T]``, True where there is a frame; None: everywhere.

        Returns:
            The last state, normalised; and the states before the first block and after each, not normalised.
        """
        heard = None
        if attention_mask is not None:
            x = x * attention_mask.unsqueeze(-1)
            heard = attention_mask[:, None, None, :]
        x = self.dropout(x + self.pos_conv(x.transpose(1, 2)).transpose(1, 2))
        states = [x]
        for layer in self.layers:
            y = layer(x, heard)
            if self.training and self.layer_dropout > 0:
                # Chosen on the device, without a branch, so that the step can be compiled.
                y = torch.where(torch.rand((), device=x.device) < self.layer_dropout, x, y)
            x = y
            states.append(x)
        return self.layer_norm(x), tuple(states)


class PositionConvolution(nn.Module):
    """A convolution over time in groups of channels, its weights as length and direction for each of its steps."""

    def __init__(self, size: int, kernel: int, groups: int):
        super().__init__()
        self.weight_g = nn.Parameter(torch.ones(1, 1, kernel))
        self.weight_v = nn.Parameter(torch.empty(size, size // groups, kernel))
        self.bias = nn.Parameter(torch.zeros(size))
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """``[B, D, T]`` to the same shape."""
        kernel = self.weight_v.shape[-1]
        weight = self.weight_v * (self.weight_g / self.weight_v.norm(dim=(0, 1), keepdim=True))
        x = functional.conv1d(x, weight, self.bias, padding=kernel // 2, groups=self.groups)
        return functional.gelu(x[..., :-1] if kernel % 2 == 0 else x)


class Layer(nn.Module):
    """Attention, then a feed-forward network; each is normalised before and added to what it was given."""

    def __init__(self, config: AvHubertConfig):
        super().__init__()
        size = config.hidden_size
        self.self_attn = Attention(size, config.num_attention_heads, config.attention_dropout)
        self.self_attn_layer_norm = nn.LayerNorm(size)
        self.fc1 = nn.Linear(size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, size)
        self.final_layer_norm = nn.LayerNorm(size)
        self.dropout = nn.Dropout(config.hidden_dropout)

    def forward(self, x: Tensor, heard: Tensor | None) -> Tensor:
        """``[B, T, D]``; ``heard`` is bool ``[B, 1, 1, T]``, True where there is a frame to attend to."""
        x = x + self.dropout(self.self_attn(self.self_attn_layer_norm(x), heard))
        return x + self.dropout(self.fc2(functional.gelu(self.fc1(self.final_layer_norm(x)))))


class Attention(nn.Module):
    """Attention of several heads (Vaswani et al. 2017)."""

    def __init__(self, size: int, heads: int, dropout: float):
        super().__init__()
        self.heads, self.probability = heads, dropout
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(size, size) for _ in range(4))

    def forward(self, x: Tensor, heard: Tensor | None) -> Tensor:
        """``[B, T, D]`` to the same shape."""
        q, k, v = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        dropout = self.probability if self.training else 0.0
        x = functional.scaled_dot_product_attention(q, k, v, attn_mask=heard, dropout_p=dropout)
        return self.out_proj(x.transpose(1, 2).flatten(2))
