"""Films that the tests of faces make: white squares as faces, which `Squares` detects; and real faces side by side."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction

import av
import numpy as np
from emoflow.media import Box
from emoflow.media.face_detector import Face, same_place
from scipy.ndimage import find_objects, label

SHAPE = 96, 128
Square = tuple[int, int, int]
"""Top, left, size."""


class Squares:
    """A detector of bright squares on black."""

    name = "squares"
    libraries = ("scipy",)

    def __init__(self):
        self.looked_at = 0

    def facts(self) -> dict[str, int]:
        return {"version": 1}

    @contextmanager
    def opened(self) -> Iterator["Squares"]:
        yield self

    def all(self, image: np.ndarray) -> list[Face]:
        self.looked_at += 1
        regions = find_objects(label(image.mean(-1) > 128)[0])
        return [
            Face(Box(float(rows.start), float(columns.start), float(rows.stop - rows.start)))
            for rows, columns in regions
        ]

    def again(self, image: np.ndarray, near: Box, time_ms: int) -> Face | None:
        return next((face for face in self.all(image) if same_place(face.box, near)), None)


def drawn(squares: Sequence[Square], shape: tuple[int, int] = SHAPE) -> np.ndarray:
    image = np.zeros((*shape, 3), np.uint8)
    for top, left, size in squares:
        image[top : top + size, left : left + size] = 255
    return image


def film(
    images: Sequence[np.ndarray],
    *,
    times_ms: Sequence[int] | None = None,
    fps: int = 25,
    sound: np.ndarray | None = None,
) -> bytes:
    """An H.264 film of these pictures, by default at an even rate; ``sound`` is mono at 16 kHz, within ±1."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "5"}
        stream.codec_context.time_base = Fraction(1, 1000)
        spoken = None if sound is None else container.add_stream("flac", rate=16_000, layout="mono")
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.time_base = Fraction(1, 1000)
            frame.pts = round(1000 * number / fps) if times_ms is None else times_ms[number]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if spoken is not None and sound is not None:
            samples = np.round(32767 * sound).astype(np.int16)[None]
            heard = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            heard.sample_rate, heard.pts = 16_000, 0
            container.mux(spoken.encode(heard))
            container.mux(spoken.encode(None))
    return file.getvalue()


def film_of(*scenes: Sequence[Square]) -> bytes:
    """A film at 25 frames a second: the squares of each frame."""
    return film([drawn(squares) for squares in scenes])
