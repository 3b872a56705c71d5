"""The face-expression network of face-api: separable convolutions in densely joined blocks, for seven expressions."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel

MEAN = (122.782, 117.001, 104.298)
"""Of red, green and blue, which is subtracted."""
KERNEL = 3


class FaceExpressionConfig(PreTrainedConfig):  # type: ignore[misc]  # transformers is not typed
    """The sizes; the defaults are those of the published model.

    Attributes:
        hidden_size: channels of the last block; each block has twice as many as the one before.
        num_hidden_layers: blocks, each of which halves the picture.
        image_size: pixels of a side of the pictures.
        expressions: the classes.
    """

    model_type = "face-expression"

    hidden_size: int = 256
    num_hidden_layers: int = 4
    image_size: int = 112
    expressions: tuple[str, ...] | list[str] = (
        "neutral",
        "happy",
        "sad",
        "angry",
        "fearful",
        "disgusted",
        "surprised",
    )


class FaceExpressionOutput(NamedTuple):
    """What the network gives.

    Attributes:
        pooler_output: the last block's output, averaged over the picture, ``[B, D]``.
        logits: of the expressions, ``[B, C]``.
    """

    pooler_output: Tensor
    logits: Tensor


class FaceExpression(PreTrainedModel):  # type: ignore[misc]
    """The blocks, their mean over the picture, and a linear layer."""

    config_class = FaceExpressionConfig
    main_input_name = "pixel_values"

    def __init__(self, config: FaceExpressionConfig):
        super().__init__(config)
        depth = config.num_hidden_layers
        widths = [3, *(config.hidden_size >> (depth - 1 - at) for at in range(depth))]
        self.blocks = nn.ModuleList(
            DenseBlock(widths[at], widths[at + 1], separable=at > 0) for at in range(depth)
        )
        self.fc = nn.Linear(config.hidden_size, len(config.expressions))
        self.post_init()

    def forward(self, pixel_values: Tensor) -> FaceExpressionOutput:
        """Run the network.

        Args:
            pixel_values: RGB from 0 to 255, float32 ``[B, 3, H, W]``.
        """
        x = (pixel_values - pixel_values.new_tensor(MEAN)[:, None, None]) / 255
        for block in self.blocks:
            x = block(x)
        pooled = x.mean((2, 3))
        return FaceExpressionOutput(pooled, self.fc(pooled))


class DenseBlock(nn.Module):
    """Four convolutions, the first with a stride of 2; each takes the sum of the outputs of all before it.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        separable: whether the first convolution is; the others always are.
    """

    def __init__(self, inputs: int, outputs: int, *, separable: bool):
        super().__init__()
        first = Separable(inputs, outputs, 2) if separable else Convolution(inputs, outputs, 2)
        self.convolutions = nn.ModuleList([first, *(Separable(outputs, outputs, 1) for _ in range(3))])

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, H, W]`` to ``[B, C', H / 2, W / 2]``."""
        first, *others = self.convolutions
        total = torch.relu(first(x))
        x = total
        for convolution in others:
            total = total + convolution(x)
            x = torch.relu(total)
        return x


class Convolution(nn.Conv2d):
    """A convolution of 3 × 3 with TensorFlow's padding "same": where it is uneven, one more below and to the right.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        stride: in both directions.
        groups: of channels, each of which is convolved by itself.
        bias: whether one is added.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, *, groups: int = 1, bias: bool = True):
        super().__init__(inputs, outputs, KERNEL, stride, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, H, W]`` to ``[B, C', ⌈H / stride⌉, ⌈W / stride⌉]``."""
        height, width = (_padding(size, self.stride[0]) for size in x.shape[2:])
        return super().forward(functional.pad(x, (*width, *height)))


class Separable(nn.Sequential):
    """A convolution of each channel by itself, then one of 1 × 1 across the channels; arguments as `Convolution`."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__(
            Convolution(inputs, inputs, stride, groups=inputs, bias=False), nn.Conv2d(inputs, outputs, 1)
        )


def _padding(size: int, stride: int) -> tuple[int, int]:
    """What is added before and after."""
    total = max((-(-size // stride) - 1) * stride + KERNEL - size, 0)
    return total // 2, total - total // 2
