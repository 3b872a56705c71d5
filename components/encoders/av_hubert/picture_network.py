"""The pictures' network: a convolution over space and time, then a ResNet-18 of each frame (Stafylakis 2017)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class PictureNetwork(nn.Module):
    """Grey pictures to a vector each. A vector sees two pictures before and two after its own.

    Args:
        widths: channels of the four stages; the stem has as many as the first.
        blocks: residual blocks of each stage.
    """

    def __init__(self, widths: Sequence[int], blocks: Sequence[int]):
        super().__init__()
        first = widths[0]
        self.frontend3D = nn.Sequential(
            nn.Conv3d(1, first, (5, 7, 7), (1, 2, 2), (2, 3, 3), bias=False),
            nn.BatchNorm3d(first),
            nn.PReLU(first),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        )
        self.trunk = Trunk(widths, blocks)

    def forward(self, video: Tensor) -> Tensor:
        """``[B, T, H, W]`` to ``[B, T, widths[-1]]``."""
        x = self.frontend3D(video.unsqueeze(1))
        return self.trunk(x.transpose(1, 2).flatten(0, 1)).unflatten(0, video.shape[:2])


class Trunk(nn.Module):
    """Four stages, each of which but the first halves the picture; then the mean over the picture."""

    def __init__(self, widths: Sequence[int], blocks: Sequence[int]):
        super().__init__()
        inputs = widths[0]
        for at, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            stride = 1 if at == 0 else 2
            stage = [Block(inputs, width, stride), *(Block(width, width, 1) for _ in range(count - 1))]
            setattr(self, f"layer{at + 1}", nn.Sequential(*stage))
            inputs = width
        self.stages = len(widths)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` to ``[N, widths[-1]]``."""
        for at in range(self.stages):
            x = getattr(self, f"layer{at + 1}")(x)
        return x.mean((2, 3))


class Block(nn.Module):
    """Two convolutions beside the identity, or beside one of 1 × 1 where the sizes change."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.PReLU(outputs)
        self.downsample = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            if stride != 1 or inputs != outputs
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` to ``[N, C', H / stride, W / stride]``."""
        beside = x if self.downsample is None else self.downsample(x)
        x = self.relu1(self.bn1(self.conv1(x)))
        return self.relu2(self.bn2(self.conv2(x)) + beside)
