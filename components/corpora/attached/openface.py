"""Reading OpenFace tables (one row per frame and face), as ``FeatureExtraction`` and ``FaceLandmarkVid`` write them.

Baltrušaitis et al. (2018), *OpenFace 2.0: Facial Behavior Analysis Toolkit*, FG 2018: columns ``frame, face_id,
timestamp, confidence, success``, then gaze, pose, landmarks and action units.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

BEFORE = "frame", "face_id", "timestamp", "confidence", "success"
"""Columns that are not features."""


@dataclass(frozen=True)
class Track:
    """One clip's most confident face.

    Attributes:
        tokens: float64 [T, D], in order of time; T is 0 where no face was found.
        dropped: how many rows are of frames in which no face was found.
        faces: how many there were.
    """

    tokens: np.ndarray
    dropped: int
    faces: int


def is_openface(columns: Iterable[str]) -> bool:
    """Whether a table is OpenFace's, by its columns."""
    return {"confidence", "success"} <= set(columns)


def track(frames: pd.DataFrame) -> Track:
    """The features of one clip's frames.

    Of several faces the one with the largest sum of confidence over its frames is taken, which is in view the longest
    and seen the best; at a draw, the one with the lower number.
    """
    found = frames[frames["success"].eq(1)]
    dropped, faces = len(frames) - len(found), min(len(found), 1)
    if "face_id" in found and len(found):
        confidence = found.groupby("face_id")["confidence"].sum()
        faces = len(confidence)
        found = found[found["face_id"] == confidence.idxmax()]
    order = [name for name in ("frame", "timestamp") if name in found]
    if order:
        found = found.sort_values(order, kind="stable")
    return Track(found.drop(columns=list(BEFORE), errors="ignore").to_numpy("float64"), dropped, faces)
