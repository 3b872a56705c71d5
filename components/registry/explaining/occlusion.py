"""The parts of a clip that are left out one at a time (Zeiler & Fergus, "Visualizing and understanding convolutional
networks", ECCV 2014): windows of sound, words, and windows of frames.

Sound and frames are as the encoders' ``decode`` gives them, of whichever package they come from.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...media.audio import RATE
from ...media.face_track import FPS as FRAMES_PER_S


def windows(duration_s: float, length_s: float) -> list[tuple[float, float]]:
    """Windows that begin half a length after one another, from the clip's start to its end.

    The last one ends with the clip, and so may begin sooner after the one before. A clip that is no longer than a
    window is one window.

    Args:
        duration_s: of the clip, in seconds.
        length_s: of a window, in seconds.

    Returns:
        Begin and end of each, in seconds.
    """
    if duration_s <= length_s:
        return [(0.0, duration_s)]
    last = duration_s - length_s
    count = int(np.ceil(round(2 * last / length_s, 6)))  # whole steps stay whole in spite of rounding
    begins = (*(n * length_s / 2 for n in range(count)), last)
    return [(round(begin, 6), round(begin + length_s, 6)) for begin in begins]


def seconds_of_sound(blocks: Sequence[np.ndarray]) -> float:
    """How long the sound lasts."""
    return sum(map(len, blocks)) / RATE


def silenced(blocks: Sequence[np.ndarray], begin_s: float, end_s: float) -> list[np.ndarray]:
    """Sound with zeros in a window.

    Args:
        blocks: float32 [samples] each, mono at 16 kHz; one after the other they are the recording.
        begin_s, end_s: the window, in seconds.
    """
    begin, end, at, found = round(begin_s * RATE), round(end_s * RATE), 0, []
    for block in blocks:
        first, last = np.clip([begin - at, end - at], 0, len(block))
        if first < last:
            block = block.copy()
            block[first:last] = 0
        found.append(block)
        at += len(block)
    return found


def without_each_word(text: str) -> Iterator[tuple[str, str]]:
    """Each word of a text, as spaces part them, with the text without it."""
    for match in re.finditer(r"(\S+)\s*", text):
        yield match[1], (text[: match.start()] + text[match.end() :]).strip()


def seconds_of_frames(medium: Any) -> np.ndarray:
    """When each frame was on show, in seconds [n]: of a face track, an AV-HuBERT's clip, or a clip's sampled frames."""
    if hasattr(medium, "pictures"):
        return np.arange(len(medium)) / FRAMES_PER_S
    if hasattr(medium, "track"):
        return np.asarray(medium.frames / medium.track.fps)
    return np.asarray(medium.times_s)


def length_of_film(medium: Any) -> float:
    """How long the film lasts, in seconds."""
    if hasattr(medium, "pictures"):
        return len(medium) / FRAMES_PER_S
    if hasattr(medium, "track"):
        return float(len(medium.track) / medium.track.fps)
    return float(medium.duration_s)


def images_of(medium: Any) -> np.ndarray:
    """The frames in colour, RGB uint8 [n, height, width, 3]; an AV-HuBERT's are grey."""
    if hasattr(medium, "pictures"):
        return np.repeat(medium.pictures[..., None], 3, axis=-1)
    return np.asarray(medium.images)


def without_frames(medium: Any, out: np.ndarray) -> Any | None:
    """What is left where some frames are left out.

    Args:
        medium: a face track's frames, an AV-HuBERT's clip, or a clip's sampled frames.
        out: which of them, bool [n].

    Returns:
        The same kind of thing with the others; None where none is left. Of an AV-HuBERT's clip all frames stay, since
        its sound does, and no face is present in those that are left out.
    """
    if hasattr(medium, "pictures"):
        shown = ~out & medium.present
        return replace(
            medium, pictures=np.where(shown[:, None, None], medium.pictures, np.uint8(0)), present=shown
        )
    keep = ~out
    if not keep.any():
        return None
    if hasattr(medium, "track"):
        boxes = [box for box, kept in zip(medium.boxes, keep, strict=True) if kept]
        return replace(medium, images=medium.images[keep], boxes=boxes, frames=medium.frames[keep])
    return replace(medium, images=medium.images[keep], times_s=medium.times_s[keep])
