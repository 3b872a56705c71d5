"""A segment of a recording: a time span, and optionally a region of the picture. See ``schema.CUT``."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import MediaError
from ..schema import CUT
from .container import Source


@dataclass(frozen=True)
class Cut:
    """What of a recording is meant.

    Attributes:
        begin_s, end_s: in seconds of the recording's timeline (see ``container.Recording``); the end is not part of it.
        left, top, width, height: of the pictures, in per cent.
    """

    begin_s: float
    end_s: float
    left: float = 0
    top: float = 0
    width: float = 100
    height: float = 100

    @property
    def duration_s(self) -> float:
        return self.end_s - self.begin_s

    def samples(self, rate: int) -> tuple[int, int]:
        """The first sample of it, and the first after it, at ``rate`` Hz."""
        return round(self.begin_s * rate), round(self.end_s * rate)

    def check_within(self, whole_s: float) -> None:
        """Raise MediaError where the recording ends well before the cut does: times are rounded, and codecs pad."""
        if whole_s < self.end_s - max(0.25, 0.1 * self.duration_s):
            raise self.ends_early(whole_s)

    def of(self, image: np.ndarray) -> np.ndarray:
        """Its rectangle of a picture ``[H, W, …]``, as a view."""
        rows, columns = image.shape[:2]
        top, bottom = round(self.top * rows / 100), round((self.top + self.height) * rows / 100)
        left, right = round(self.left * columns / 100), round((self.left + self.width) * columns / 100)
        return image[top:bottom, left:right]

    def ends_early(self, reached_s: float) -> MediaError:
        """What to say of a recording that ends within the cut, or before it."""
        return MediaError(
            f"truncated: the recording ends at {reached_s:.2f} s, "
            f"and the utterance is from {self.begin_s:.2f} to {self.end_s:.2f} s"
        )


def cut_of(source: Source) -> Cut | None:
    """The part of a recording that a path names.

    Args:
        source: a path, perhaps with a media fragment (``schema.CUT``), or a file's bytes.

    Returns:
        The part; None where the whole is named, and for bytes.

    Raises:
        MediaError: nothing is left between its moments, or in its rectangle.
    """
    found = None if isinstance(source, bytes) else CUT.search(Path(source).name)
    if found is None:
        return None
    cut = Cut(*(float(number) for number in found.groups() if number is not None))
    if cut.duration_s <= 0:
        raise MediaError(f"nothing is left of it: from {cut.begin_s} to {cut.end_s} s")
    if not (cut.width > 0 and cut.height > 0 and cut.left + cut.width <= 100 and cut.top + cut.height <= 100):
        raise MediaError(
            f"no part of a picture: {cut.width} % by {cut.height} % from {cut.left} %, {cut.top} % on"
        )
    return cut
