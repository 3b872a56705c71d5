"""The sizes of an AV-HuBERT model, as its ``config.json`` holds them."""

from __future__ import annotations

from typing import Any, Literal

from transformers import PreTrainedConfig


class AvHubertConfig(PreTrainedConfig):  # type: ignore[misc]  # transformers is not typed
    """The defaults are those of the published base model.

    Attributes:
        hidden_size: D, of each state.
        num_hidden_layers: blocks of the transformer.
        num_attention_heads: of each block.
        intermediate_size: of each block's feed-forward network.
        position_kernel: frames that the convolution of positions sees.
        position_groups: of channels, of that convolution.
        audio_size: numbers of a frame of sound: 26 filters at four times.
        video_widths: channels of the picture network's four stages.
        video_blocks: residual blocks of each stage.
        image_size: pixels of a side of the pictures.
        image_mean: subtracted from grey values from 0 to 1.
        image_std: by which they are then divided.
        roi: what the pictures show: ``mouth``, or ``face``, the whole of it.
        hidden_dropout: of the transformer's residual branches and its input.
        attention_dropout: of attention's weights.
        layer_dropout: the probability that a block is skipped in training.
        initializer_range: the standard deviation of a linear layer's first weights.
    """

    model_type = "av_hubert"

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    position_kernel: int = 128
    position_groups: int = 16
    audio_size: int = 104
    video_widths: tuple[int, ...] | list[int] = (64, 128, 256, 512)
    video_blocks: tuple[int, ...] | list[int] = (2, 2, 2, 2)
    image_size: int = 88
    image_mean: float = 0.421
    image_std: float = 0.165
    roi: Literal["mouth", "face"] = "mouth"
    hidden_dropout: float = 0.1
    attention_dropout: float = 0.1
    layer_dropout: float = 0.05
    initializer_range: float = 0.02

    @classmethod
    def base(cls, **others: Any) -> AvHubertConfig:
        """About 103 million weights."""
        return cls(**others)

    @classmethod
    def large(cls, **others: Any) -> AvHubertConfig:
        """About 325 million weights."""
        sizes = {
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
        }
        return cls(**sizes | others)

    @classmethod
    def tiny(cls, **others: Any) -> AvHubertConfig:
        """Under a million weights, which two cores train in minutes: for tests, and to try things out."""
        sizes: dict[str, Any] = {
            "hidden_size": 96,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "intermediate_size": 384,
            "position_kernel": 16,
            "position_groups": 4,
            "video_widths": (8, 16, 24, 32),
            "video_blocks": (1, 1, 1, 1),
        }
        return cls(**sizes | others)
