"""Serialised fingerprints: base64 of numbers, read without any media decoder."""

import base64
from dataclasses import dataclass

import numpy as np

PICTURES = 16
"""So many pictures of a clip, evenly spaced (``frames(…, count=PICTURES)``), make its fingerprint."""
BLOCKS = 8
"""Of a picture, each way."""
FEWEST = 8
"""Loud moments below which a sound is too short to be known by them."""


@dataclass(frozen=True)
class Look:
    """A film's fingerprint: two vectors of length 1."""

    movement: np.ndarray
    """float32 [PICTURES · BLOCKS²]: how much lighter each block is than in the picture before."""
    average: np.ndarray
    """float32 [BLOCKS²]: each block's grey over the whole clip, the picture's own mean taken away."""


def written(values: np.ndarray) -> str:
    """Numbers as base64 of their bytes, little-endian."""
    return base64.b64encode(values.astype(values.dtype.newbyteorder("<")).tobytes()).decode("ascii")


def codes(fingerprint: str) -> np.ndarray:
    """A sound's codes, uint32 [moments, 3]: one to look up, two to compare; 0 where it is too quiet to tell."""
    return np.frombuffer(base64.b64decode(fingerprint), dtype="<u4").reshape(-1, 3)


def look(fingerprint: str) -> Look:
    """A film's two vectors."""
    values = np.frombuffer(base64.b64decode(fingerprint), dtype=np.int8).astype(np.float32)
    movement, average = np.split(values, [PICTURES * BLOCKS**2])
    return Look(_unit(movement), _unit(average))


def _unit(values: np.ndarray) -> np.ndarray:
    return values / max(float(np.linalg.norm(values)), 1e-9)
