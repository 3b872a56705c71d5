"""Sound and picture of a frame as one vector, for clusters of both at once; VideoBERT's idea (Sun et al. 2019)."""

from __future__ import annotations

import numpy as np

from ..encoders.av_hubert.clip import SIDE
from ..errors import PretrainingError
from .store import InputStore

BLOCK = 8
"""Pixels of a side that are averaged."""


def joint_of(store: InputStore) -> tuple[np.ndarray, np.ndarray]:
    """MFCC beside the blocks of the picture, each stream with the same total variance.

    Args:
        store: of the clips.

    Returns:
        float32 [frames, 39 + 121]; and bool [frames], whether a frame has both sound and a picture that counts.

    Raises:
        PretrainingError: no frame has both.
    """
    if not store.pictures:
        raise PretrainingError(
            "iterations: joint clusters are of sound and pictures, and the inputs have no pictures: state inputs.roi "
            "(mouth or face) in pretrain/params.yaml, or `of: mfcc`"
        )
    clips = range(len(store))
    known = np.concatenate([store.read("present", clip) & store.heard[clip] for clip in clips])
    if not known.any():
        raise PretrainingError(
            "iterations: joint clusters need frames with both sound and a picture, and there is none"
        )
    sound = np.concatenate([store.read("mfcc", clip) for clip in clips])
    pictures = np.concatenate([blocks(store.read("pictures", clip)) for clip in clips])
    return np.concatenate([_standardised(each, known) for each in (sound, pictures)], axis=1), known


def blocks(pictures: np.ndarray) -> np.ndarray:
    """Means over blocks of a picture, float32 [T, 121], each picture with mean 0: how light it is does not count.

    Args:
        pictures: uint8 [T, 88, 88].
    """
    count = SIDE // BLOCK
    means = pictures.reshape(len(pictures), count, BLOCK, count, BLOCK).mean((2, 4), dtype=np.float32)
    flat = means.reshape(len(pictures), -1)
    less: np.ndarray = flat - flat.mean(1, keepdims=True)
    return less


def _standardised(x: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Each column with mean 0 and variance 1 over the known frames, over the root of the number of columns."""
    mean, deviation = x[known].mean(0), x[known].std(0)
    scaled = (x - mean) / np.maximum(deviation, 1e-5) / np.sqrt(x.shape[1])
    standardised: np.ndarray = scaled.astype(np.float32)
    return standardised
