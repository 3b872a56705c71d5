"""AV-HuBERT with what only its pre-training has: masks, and the prediction of masked frames' clusters."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..encoders.av_hubert.configuration import AvHubertConfig
from ..encoders.av_hubert.network import AvHubert

Masking = Literal["feature", "input"]
TEMPERATURE = 0.1
PROJECTED = 256
"""Dimensions in which states are compared with clusters."""
FEATURE_GRADIENT = 0.1
"""By which the gradients of the front ends are multiplied."""


class Prediction(NamedTuple):
    """What the network says of a batch.

    Attributes:
        logits: of each frame's cluster, float32 ``[B, T, clusters]``.
        penalty: the mean square of what the front ends give, of the frames that there are.
    """

    logits: Tensor
    penalty: Tensor


class AvHubertForPretraining(AvHubert):
    """The names of its weights are those of published checkpoints.

    Args:
        config: of the model.
        clusters: how many there are to tell apart.
        masking: ``feature``: masked frames are replaced behind the front ends and their fusion; ``input``: masked
            frames of sound are replaced before its front end.
    """

    def __init__(self, config: AvHubertConfig, clusters: int, masking: Masking):
        super().__init__(config)
        self.masking = masking
        size = config.audio_size if masking == "input" else config.hidden_size
        self.mask_emb = nn.Parameter(torch.rand(size))
        self.final_proj = nn.Linear(config.hidden_size, PROJECTED)
        self.label_embs_concat = nn.Parameter(torch.rand(clusters, PROJECTED))
        self._init_weights(self.final_proj)

    def forward(  # type: ignore[override]  # what it takes beside: the masks
        self,
        audio: Tensor,
        video: Tensor | None,
        audio_present: Tensor,
        video_present: Tensor,
        attention_mask: Tensor,
        masked: Tensor,
    ) -> Prediction:
        """Predict the clusters of all frames.

        Args:
            audio: ``[B, T, audio_size]``.
            video: ``[B, T, H, W]``, masked spans already replaced; None: there are no pictures.
            audio_present, video_present: bool ``[B, T]``, as `AvHubert.forward` takes them.
            attention_mask: bool ``[B, T]``, False beyond a clip's end.
            masked: bool ``[B, T]``: the frames that ``mask_emb`` takes the place of, of sound where masking is
                ``input``.
        """
        mask = masked.unsqueeze(-1)
        if self.masking == "input":
            audio = torch.where(mask, self.mask_emb, audio)
        heard, seen = (
            scaled_gradient(each, FEATURE_GRADIENT)
            for each in self.features(audio, video, audio_present, video_present)
        )
        there = attention_mask.unsqueeze(-1)
        squares = (heard.float().pow(2) + seen.float().pow(2)) * there
        penalty = squares.sum() / (there.sum() * 2 * self.config.hidden_size)
        x = self.joined(heard, seen)
        if self.masking == "feature":
            x = torch.where(mask, self.mask_emb.to(x.dtype), x)
        states, _ = self.encoder(x, attention_mask)
        return Prediction(self.cluster_logits(states), penalty)

    def cluster_logits(self, states: Tensor) -> Tensor:
        """Cosines of projected states and the clusters' vectors, over ``TEMPERATURE``."""
        projected = functional.normalize(self.final_proj(states).float(), dim=-1)
        return projected @ functional.normalize(self.label_embs_concat.float(), dim=-1).T / TEMPERATURE

    def without_heads(self) -> AvHubert:
        """The model itself: what pre-training is done for."""
        model = AvHubert(self.config)
        weights = self.state_dict()
        model.load_state_dict({name: weights[name] for name in model.state_dict()})
        model.eval()
        return model


def scaled_gradient(x: Tensor, by: float) -> Tensor:
    """``x``, whose gradient is multiplied by ``by``."""
    return by * x + ((1 - by) * x).detach()
