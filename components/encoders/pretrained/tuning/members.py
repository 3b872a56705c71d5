"""A tuned encoder as the members of a trained model have it: its model once, and the trained weights of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ....errors import SettingsError
from ...base import Encoder
from ..model import Pretrained
from .model import TunedModel


class TunedMembers:
    """An encoder of which every member has weights of its own.

    Args:
        encoder: as which the features were made.
        rank: of LoRA's updates; None: all weights were trained.
        weights: of each member, by the names of `TunedModel.trained`.

    Raises:
        SettingsError: the weights have other names.
    """

    def __init__(self, encoder: Encoder, *, rank: int | None, weights: Sequence[Mapping[str, Tensor]]):
        self._tuned = TunedModel(cast(Pretrained, encoder), rank=rank)  # no other is tuned
        self._weights = weights
        for own in weights:
            if own.keys() != self._tuned.trained.keys():
                raise SettingsError(f"{encoder.name}: the weights that were trained are of another model")

    def encode(self, medium: Any) -> np.ndarray:
        """Encode a medium with the weights of each of K members: float32 ``[K, T, D]``.

        Args:
            medium: as ``encode_decoded`` of the encoder takes it.

        Raises:
            MediaError: nothing in it for this encoder.
        """
        read = self._tuned.inputs.of(medium)
        with torch.inference_mode():
            return np.concatenate([self._tuned.batch([read], own)[0].numpy() for own in self._weights])
