"""Worse films. Every function takes and gives pictures: RGB, uint8 ``[n, height, width, 3]``."""

import numpy as np

GREY = 127


def blur(images: np.ndarray, sigma: float) -> np.ndarray:
    """The pictures out of focus: a Gaussian blur.

    Args:
        sigma: its standard deviation as a share of the pictures' height.
    """
    from PIL import Image, ImageFilter

    gaussian = ImageFilter.GaussianBlur(sigma * images.shape[1])
    return np.stack([np.asarray(Image.fromarray(image).filter(gaussian)) for image in images])


def occlusion(images: np.ndarray, side: float, generator: np.random.Generator) -> np.ndarray:
    """A grey square before the pictures, at one place throughout, drawn evenly over where it fits.

    Args:
        side: of the square, as a share of the pictures' height.
    """
    height, width = images.shape[1:3]
    size = round(side * height)
    top, left = (round(generator.random() * max(length - size, 0)) for length in (height, width))
    hidden = images.copy()
    hidden[:, top : top + size, left : left + size] = GREY
    return hidden


def brightness(images: np.ndarray, factor: float) -> np.ndarray:
    """The pictures darker (below 1) or brighter; what exceeds white is white."""
    return np.clip(np.rint(images * np.float32(factor)), 0, 255).astype(np.uint8)


def kept_frames(count: int, rate: float, generator: np.random.Generator) -> np.ndarray:
    """Which of ``count`` pictures arrive where each is lost with the probability ``rate``; one does in any case.

    Returns:
        int ``[k]``, sorted.
    """
    drawn = generator.random(count)
    arriving = drawn >= rate
    arriving[drawn.argmax()] = True
    return np.flatnonzero(arriving)
