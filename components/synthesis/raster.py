"""Anti-aliased shapes on a small image, in the head's coordinates: enough to draw a face."""

import numpy as np


class Canvas:
    """An image with the head's coordinates.

    Attributes:
        image: float32 [size, size, 3], RGB from 0 to 1.
        x, y: coordinates of each pixel, float32 [size, size]: origin at the head's centre, half its width is 1, y down.
        pixel: the width of a pixel in these units.
    """

    def __init__(self, size: int, *, centre: tuple[float, float], scale: float, roll: float):
        rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
        dx, dy = (columns - centre[0]) / scale, (rows - centre[1]) / scale
        self.x = np.cos(roll) * dx + np.sin(roll) * dy
        self.y = np.cos(roll) * dy - np.sin(roll) * dx
        self.pixel = 1 / scale
        self.image = np.zeros((size, size, 3), np.float32)

    def window(self, rows: slice, columns: slice) -> "Canvas":
        """A copy of a part of the canvas, to draw on separately."""
        part = object.__new__(Canvas)
        part.x, part.y, part.pixel = self.x[rows, columns], self.y[rows, columns], self.pixel
        part.image = self.image[rows, columns].copy()
        return part

    def paint(self, mask: np.ndarray, colour, opacity: float = 1.0) -> None:
        """Blend a colour (RGB, or an array like ``image``) into the image by a mask from 0 to 1."""
        weight = (opacity * mask)[..., None]
        self.image += weight * (np.asarray(colour, np.float32) - self.image)

    def shade(self, mask: np.ndarray, by: float) -> None:
        """Lighten (``by`` above 0) or darken the image by a mask from 0 to 1."""
        self.image *= 1 + by * mask[..., None]

    def ellipse(self, x: float, y: float, rx: float, ry: float, soft: float = 1.0) -> np.ndarray:
        """The mask of an ellipse, float32 [size, size]; ``soft`` is the width of its edge in pixels."""
        radius = np.sqrt(((self.x - x) / rx) ** 2 + ((self.y - y) / ry) ** 2)
        return np.clip((1 - radius) * min(rx, ry) / (soft * self.pixel) + 0.5, 0, 1)

    def glow(self, x: float, y: float, sx: float, sy: float) -> np.ndarray:
        """A Gaussian mask, float32 [size, size], with standard deviations ``sx`` and ``sy``."""
        return np.exp(-0.5 * (((self.x - x) / sx) ** 2 + ((self.y - y) / sy) ** 2))

    def band(
        self, x: float, half: float, top: np.ndarray, bottom: np.ndarray, soft: float = 1.0
    ) -> np.ndarray:
        """The mask between two curves (y at every pixel's x), up to ``half`` to both sides of ``x``."""
        edge = soft * self.pixel
        between = np.clip((self.y - top) / edge + 0.5, 0, 1) * np.clip((bottom - self.y) / edge + 0.5, 0, 1)
        return between * np.clip((half - np.abs(self.x - x)) / edge + 0.5, 0, 1)
