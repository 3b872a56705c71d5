"""Soft-edged shapes on a small picture, in the head's own coordinates. Just enough to draw a face."""

import numpy as np


class Canvas:
    """A picture, float32 [size, size, 3] from 0 to 1, with the head's coordinates over it.

    Attributes:
        x, y: each pixel's place, float32 [size, size]: the head's centre is 0, half its width is 1, y goes down.
        pixel: how wide a pixel is in these units.
    """

    def __init__(self, size: int, *, centre: tuple[float, float], scale: float, roll: float):
        rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
        dx, dy = (columns - centre[0]) / scale, (rows - centre[1]) / scale
        self.x = np.cos(roll) * dx + np.sin(roll) * dy
        self.y = np.cos(roll) * dy - np.sin(roll) * dx
        self.pixel = 1 / scale
        self.image = np.zeros((size, size, 3), np.float32)

    def window(self, rows: slice, columns: slice) -> "Canvas":
        """A copy of a part of the picture, to draw on by itself."""
        part = object.__new__(Canvas)
        part.x, part.y, part.pixel = self.x[rows, columns], self.y[rows, columns], self.pixel
        part.image = self.image[rows, columns].copy()
        return part

    def paint(self, mask: np.ndarray, colour, opacity: float = 1.0) -> None:
        """Lay a colour (3 numbers, or an array like the picture) where the mask, 0 to 1, says."""
        weight = (opacity * mask)[..., None]
        self.image += weight * (np.asarray(colour, np.float32) - self.image)

    def shade(self, mask: np.ndarray, by: float) -> None:
        """Make lighter (``by`` above 0) or darker where the mask says."""
        self.image *= 1 + by * mask[..., None]

    def ellipse(self, x: float, y: float, rx: float, ry: float, soft: float = 1.0) -> np.ndarray:
        radius = np.sqrt(((self.x - x) / rx) ** 2 + ((self.y - y) / ry) ** 2)
        return np.clip((1 - radius) * min(rx, ry) / (soft * self.pixel) + 0.5, 0, 1)

    def glow(self, x: float, y: float, sx: float, sy: float) -> np.ndarray:
        return np.exp(-0.5 * (((self.x - x) / sx) ** 2 + ((self.y - y) / sy) ** 2))

    def band(
        self, x: float, half: float, top: np.ndarray, bottom: np.ndarray, soft: float = 1.0
    ) -> np.ndarray:
        """What lies between two curves (y at every pixel's x), as far as ``half`` to both sides of ``x``."""
        edge = soft * self.pixel
        between = np.clip((self.y - top) / edge + 0.5, 0, 1) * np.clip((bottom - self.y) / edge + 0.5, 0, 1)
        return between * np.clip((half - np.abs(self.x - x)) / edge + 0.5, 0, 1)
