"""Face detection with scikit-image's cascade, and the cropped face.

Liao et al. (2007), Learning multi-scale block local binary patterns for face recognition; the cascade is
OpenCV's ``lbpcascade_frontalface``. It finds frontal, upright faces.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import av
import numpy as np

VERSION = 2
"""Of the search and the cut: raised when the same picture gives another crop."""

_SHORT_SIDE = 160
"""Pixels: the picture's short side in the first search. The cascade's window is 24, so a face is at least 15 %."""
_WINDOW = 24
_FINE = 56
"""Pixels: the face's size in the second search, which settles where exactly it is."""


@dataclass(frozen=True)
class Box:
    """A square in a picture, in its pixels."""

    top: float
    left: float
    size: float

    @property
    def centre(self) -> tuple[float, float]:
        """Row and column."""
        return self.top + self.size / 2, self.left + self.size / 2

    def grown(self, share: float) -> "Box":
        """The same centre, wider by ``share`` of the size on each side."""
        by = share * self.size
        return Box(self.top - by, self.left - by, self.size + 2 * by)


def find_face(image: np.ndarray, *, near: Box | None = None) -> Box | None:
    """The largest face in a picture.

    Args:
        image: uint8 [H, W, 3] RGB or [H, W] grey.
        near: where the face was in the picture before; looked for there first, which is faster.

    Returns:
        Its box, from the brows to the mouth or a little further; None where none is found.
    """
    if near is not None:
        found = find_again(image, near)
        if found is not None:
            return found
    # Every pixel is tried only where a quick look finds nothing: wide open mouths need it, at three times the cost.
    rough = _roughly_all(image, step_ratio=1.5) or _roughly_all(image, step_ratio=1.0)
    largest = max(rough, key=_rank, default=None)
    return largest and (find_again(image, largest) or largest)


def find_all_faces(image: np.ndarray) -> list[Box]:
    """Every face that a quick look at a picture finds, the largest first; of a wide open mouth `find_face` sees more.

    Args:
        image: uint8 [H, W, 3] RGB or [H, W] grey.
    """
    rough = sorted(_roughly_all(image, step_ratio=1.5), key=_rank, reverse=True)
    return [find_again(image, box) or box for box in rough]


def find_faces(images: Iterable[np.ndarray]) -> list[Box | None]:
    """The largest face of each picture of one clip.

    The faces found are then given one size, their median: a talker's distance changes little within an
    utterance, while the cascade's idea of a face's size jumps by its scale factor.
    """
    boxes, last = [], None
    for image in images:
        box = find_face(image, near=last)
        boxes.append(box)
        last = box or last
    found = [box.size for box in boxes if box]
    if not found:
        return boxes
    size = float(np.median(found))
    return [box and box.grown((size / box.size - 1) / 2) for box in boxes]


def crop(image: np.ndarray, box: Box, *, size: int, margin: float = 0.0, colour: bool = False) -> np.ndarray:
    """The face as a square picture; what lies outside the picture repeats its edge.

    Args:
        image: uint8 [H, W, 3] RGB; or [H, W] grey.
        box: of the face.
        size: of the result, in pixels.
        margin: added on each side, as a share of the box.
        colour: keep the colours; else the result is grey.

    Returns:
        uint8 [size, size], in colour [size, size, 3] RGB.
    """
    box = box.grown(margin)
    return _resized(_cut(image, box), size, size, form="rgb24" if colour else "gray")


def shrunk(image: np.ndarray, by: int) -> np.ndarray:
    """A picture in grey, each pixel of which is the mean of ``by`` × ``by``: uint8 [H / by, W / by], rounded."""
    height, width = image.shape[:2]
    return _resized(image, round(height / by), round(width / by))


def find_again(image: np.ndarray, box: Box) -> Box | None:
    """The largest face at about a place and of about a size, more exactly; None where there is none.

    Args:
        image: uint8 [H, W, 3] RGB or [H, W] grey.
        box: the place.
    """
    around = box.grown(0.3)
    scale = box.size / _FINE
    side = round(around.size / scale)
    region = _resized(_cut(image, around), side, side)
    boxes = _detected(
        region, scale_factor=1.08, step_ratio=1.0, smallest=round(_FINE * 0.8), largest=round(_FINE * 1.3)
    )
    if not boxes:
        return None
    found = max(boxes, key=_rank)
    scale = around.size / side
    return Box(around.top + found.top * scale, around.left + found.left * scale, found.size * scale)


def _roughly_all(image: np.ndarray, *, step_ratio: float) -> list[Box]:
    height, width = image.shape[:2]
    scale = min(height, width) / _SHORT_SIDE
    if scale <= 0:
        return []
    small = _resized(image, round(height / scale), round(width / scale))
    sizes = {"smallest": _WINDOW, "largest": min(small.shape)}
    rough = _detected(small, scale_factor=1.2, step_ratio=step_ratio, **sizes)
    return [Box(box.top * scale, box.left * scale, box.size * scale) for box in rough]


def _detected(grey: np.ndarray, *, scale_factor, step_ratio, smallest, largest) -> list[Box]:
    found = _cascade().detect_multi_scale(
        grey, scale_factor, step_ratio, (smallest, smallest), (largest, largest), min_neighbor_number=4
    )
    return [Box(float(each["r"]), float(each["c"]), float(each["width"])) for each in found]


def _rank(box: Box) -> tuple[float, float, float]:
    return box.size, -box.top, -box.left


@lru_cache(maxsize=1)
def _cascade():
    import skimage.data
    from skimage.feature import Cascade

    return Cascade(skimage.data.lbp_frontal_face_cascade_filename())


def _cut(image: np.ndarray, box: Box) -> np.ndarray:
    top, left, size = round(box.top), round(box.left), max(1, round(box.size))
    rows = np.clip(np.arange(top, top + size), 0, image.shape[0] - 1)
    columns = np.clip(np.arange(left, left + size), 0, image.shape[1] - 1)
    return image[rows[:, None], columns]


def _resized(image: np.ndarray, height: int, width: int, *, form: str = "gray") -> np.ndarray:
    """Grey, or of another pixel format; each new pixel is the mean of those it covers."""
    frame = av.VideoFrame.from_ndarray(
        np.ascontiguousarray(image), format="gray" if image.ndim == 2 else "rgb24"
    )
    frame = frame.reformat(width=max(1, width), height=max(1, height), format=form, interpolation="AREA")
    return np.ascontiguousarray(frame.to_ndarray())
