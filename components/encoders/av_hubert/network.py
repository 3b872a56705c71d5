"""AV-HuBERT's network: a front end for sound, one for pictures, and a transformer over both."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers import initialization as init

from .configuration import AvHubertConfig
from .picture_network import PictureNetwork
from .transformer import PositionConvolution, Transformer


class AvHubertOutput(NamedTuple):
    """What the network gives.

    Attributes:
        last_hidden_state: the normalised output, ``[B, T, D]``.
        hidden_states: before the first block and after each, not normalised.
    """

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...]


class AudioFrontEnd(nn.Module):
    """A linear layer."""

    def __init__(self, config: AvHubertConfig):
        super().__init__()
        self.proj = nn.Linear(config.audio_size, config.hidden_size)

    def forward(self, audio: Tensor) -> Tensor:
        """``[B, T, audio_size]`` to ``[B, T, D]``."""
        return self.proj(audio)


class VideoFrontEnd(nn.Module):
    """The pictures' network and a linear layer."""

    def __init__(self, config: AvHubertConfig):
        super().__init__()
        self.resnet = PictureNetwork(config.video_widths, config.video_blocks)
        self.proj = nn.Linear(config.video_widths[-1], config.hidden_size)

    def forward(self, video: Tensor) -> Tensor:
        """``[B, T, H, W]`` to ``[B, T, D]``."""
        return self.proj(self.resnet(video))


class AvHubert(PreTrainedModel):  # type: ignore[misc]  # transformers is not typed
    """The model without what only its pre-training has. Its weights have the names of published checkpoints.

    A stream that is absent is one of zeros *behind* its front end, as in its training with dropped modalities; a clip
    without sound, or frames without a mouth, are so told from silence and from black pictures.
    """

    config_class = AvHubertConfig
    main_input_name = "audio"
    _no_split_modules = ("Layer",)

    def __init__(self, config: AvHubertConfig):
        super().__init__(config)
        self.feature_extractor_audio = AudioFrontEnd(config)
        self.feature_extractor_video = VideoFrontEnd(config)
        self.layer_norm = nn.LayerNorm(2 * config.hidden_size)
        self.post_extract_proj = nn.Linear(2 * config.hidden_size, config.hidden_size)
        self.dropout_input = nn.Dropout(config.hidden_dropout)
        self.encoder = Transformer(config)
        self.post_init()

    def forward(
        self,
        audio: Tensor | None = None,
        video: Tensor | None = None,
        audio_present: Tensor | None = None,
        video_present: Tensor | None = None,
        attention_mask: Tensor | None = None,
        output_hidden_states: bool = True,
    ) -> AvHubertOutput:
        """Run the network on sound, on pictures, or on both.

        Args:
            audio: frames of `filterbank.stacked_filterbank`, float32 ``[B, T, audio_size]``; None: there is no sound.
            video: grey pictures, less ``image_mean`` and over ``image_std``, float32 ``[B, T, H, W]``, zero beyond a
                clip's end; None: there are none.
            audio_present: bool ``[B, T]``, False for frames without sound; None: all have it.
            video_present: the same of the pictures.
            attention_mask: bool ``[B, T]``, True where a clip has a frame, False beyond its end; None: everywhere.
            output_hidden_states: they are always given.
        """
        features = self.features(audio, video, audio_present, video_present)
        return AvHubertOutput(*self.encoder(self.joined(*features), attention_mask))

    def features(
        self,
        audio: Tensor | None,
        video: Tensor | None,
        audio_present: Tensor | None = None,
        video_present: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What the front ends make of sound and pictures, zero where there is none: ``[B, T, D]`` each.

        Raises:
            ValueError: neither sound nor pictures.
        """
        given = audio if audio is not None else video
        if given is None:
            raise ValueError("AvHubert needs audio or video, and was given neither")
        absent = given.new_zeros(*given.shape[:2], self.config.hidden_size)
        heard = absent if audio is None else self.feature_extractor_audio(audio)
        seen = absent if video is None else self.feature_extractor_video(video)
        if audio_present is not None:
            heard = heard * audio_present.unsqueeze(-1)
        if video_present is not None:
            seen = seen * video_present.unsqueeze(-1)
        return heard, seen

    def joined(self, heard: Tensor, seen: Tensor) -> Tensor:
        """Features of both streams, ``[B, T, D]`` each, as the transformer takes them, ``[B, T, D]``."""
        return self.dropout_input(self.post_extract_proj(self.layer_norm(torch.cat([heard, seen], dim=-1))))

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """The first weights, as the published models' training has them."""
        if isinstance(module, nn.Linear):
            init.normal_(module.weight, std=self.config.initializer_range)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, (nn.Conv2d, nn.Conv3d)):
            init.normal_(
                module.weight, std=math.sqrt(2 / (math.prod(module.kernel_size) * module.out_channels))
            )
        elif isinstance(module, PositionConvolution):
            kernel = module.weight_v.shape[-1]
            init.normal_(module.weight_v, std=math.sqrt(4 / (kernel * self.config.hidden_size)))
            init.copy_(module.weight_g, module.weight_v.norm(dim=(0, 1), keepdim=True))
            init.zeros_(module.bias)
        else:
            super()._init_weights(module)
