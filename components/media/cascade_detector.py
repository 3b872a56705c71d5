"""Face detection with the bundled cascade, which needs no model file: boxes of frontal, upright faces."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .face import VERSION, Box, find_again, find_all_faces
from .face_detector import Face


class CascadeDetector:
    """scikit-image's cascade; see ``face``. It finds boxes alone."""

    name = "cascade"
    libraries = ("scikit-image", "av")

    def facts(self) -> dict[str, Any]:
        """See ``face_detector.Detector``; scikit-image carries the weights."""
        return {"version": VERSION}

    @contextmanager
    def opened(self) -> Iterator["CascadeDetector"]:
        """A search; it has no state."""
        yield self

    def all(self, image: np.ndarray) -> list[Face]:
        """See ``face_detector.Search``."""
        return [Face(box) for box in find_all_faces(image)]

    def again(self, image: np.ndarray, near: Box, time_ms: int) -> Face | None:
        """See ``face_detector.Search``."""
        box = find_again(image, near)
        return None if box is None else Face(box)
