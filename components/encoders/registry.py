"""Encoders by name, and encoding one recording as training sees it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ParamsError, listed
from .audio import Compare, Egemaps, EgemapsFrames, LogMel
from .base import Encoder, merge
from .face import Appearance, Landmarks
from .text import Hashing

ENCODERS: dict[str, type[Encoder]] = {
    encoder.name: encoder
    for encoder in (Egemaps, Compare, EgemapsFrames, LogMel, Hashing, Appearance, Landmarks)
}


def make(
    names: Sequence[str], parameters: Mapping[str, Any], *, landmark_model: str | Path | None = None
) -> list[Encoder]:
    """The encoders of one modality, sorted by name: the order in which the feature store lays them side by side.

    Several sequences can be laid side by side where each has a token for the same pictures, as those of faces can.

    Args:
        names: as ``features.<modality>.encoders`` of ``params.yaml`` lists them.
        parameters: what else ``features.<modality>`` holds: ``dimensions`` (text), ``frames`` (face).
        landmark_model: the file that ``landmarks`` runs.

    Returns:
        The encoders.

    Raises:
        ParamsError: an unknown name, one named twice, encoders of several modalities, or two sequences that have a
            time of their own each.
    """
    unknown = [name for name in names if name not in ENCODERS]
    if unknown:
        raise ParamsError(f"no encoder is called {listed(map(repr, unknown))}; there are: {listed(ENCODERS)}")
    classes = [ENCODERS[name] for name in names]
    modalities = sorted({each.modality for each in classes})
    sequences = [each.name for each in classes if each.kind == "sequence"]
    aligned = len(sequences) > 1 and all(each.alignable for each in classes if each.kind == "sequence")
    if len(set(names)) < len(names):
        raise ParamsError(f"an encoder is named twice: {listed(names)}")
    if len(modalities) != 1:
        raise ParamsError(f"the encoders {listed(names)} are of several modalities: {listed(modalities)}")
    if len(sequences) > 1 and not aligned:
        raise ParamsError(
            f"features.{modalities[0]}.encoders: {listed(sequences)} are all sequences, with a time of their own; "
            "keep one of them (pooled ones may stay beside it)"
        )
    own = {Landmarks: {"model": landmark_model}}
    shared = {"aligned": True} if aligned else {}
    return [
        each(**parameters, **own.get(each, {}), **(shared if each.kind == "sequence" else {}))
        for each in sorted(classes, key=lambda each: each.name)
    ]


def encode(encoders: Sequence[Encoder], source) -> np.ndarray:
    """One recording through one modality's encoders: float32 [T, sum of D], as the feature store gives it.

    Args:
        source: a path or bytes; for text the text itself.

    Raises:
        MediaError: it cannot be used; the message is the reason.
    """
    medium = encoders[0].decode(source)
    return np.ascontiguousarray(merge([encoder.encode_decoded(medium) for encoder in encoders]))
