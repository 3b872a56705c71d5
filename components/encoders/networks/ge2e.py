"""GE2E, a speaker encoder: an LSTM on mel frames (Wan et al. 2018)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel


class Ge2eConfig(PreTrainedConfig):  # type: ignore[misc]  # transformers is not typed
    """The sizes of the LSTM; the defaults are those of the published model."""

    model_type = "ge2e"

    hidden_size: int = 256
    num_hidden_layers: int = 3
    num_mel_bins: int = 40


class Ge2eOutput(NamedTuple):
    """What the network gives.

    Attributes:
        last_hidden_state: ``[B, T, D]``.
        hidden_states: the input, then the states of each layer.
        carried: for each layer its hidden and its cell state at the last frame, ``[1, B, D]`` each.
    """

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...]
    carried: tuple[tuple[Tensor, Tensor], ...]


class Ge2e(PreTrainedModel):  # type: ignore[misc]
    """The LSTM. The published checkpoint also holds the head of the speaker embedding, which is not read."""

    config_class = Ge2eConfig
    main_input_name = "input_features"

    def __init__(self, config: Ge2eConfig):
        super().__init__(config)
        self.lstm = nn.LSTM(
            config.num_mel_bins, config.hidden_size, config.num_hidden_layers, batch_first=True
        )
        self.post_init()

    def forward(
        self,
        input_features: Tensor,
        carried: tuple[tuple[Tensor, Tensor], ...] | None = None,
        output_hidden_states: bool = True,
    ) -> Ge2eOutput:
        """Run the layers one after the other, to have the states of each.

        Args:
            input_features: mel frames, float32 ``[B, T, M]``.
            carried: as the frames before these left it; None at the beginning.
            output_hidden_states: they are always given.
        """
        if carried is None:
            zeros = input_features.new_zeros(1, len(input_features), self.config.hidden_size)
            carried = ((zeros, zeros),) * self.config.num_hidden_layers
        states, ends = [input_features], []
        for weights, start in zip(self.lstm.all_weights, carried, strict=True):
            state, hidden, cell = torch.lstm(
                states[-1], start, tuple(weights), True, 1, 0.0, False, False, True
            )
            states.append(state)
            ends.append((hidden, cell))
        return Ge2eOutput(states[-1], tuple(states), tuple(ends))
