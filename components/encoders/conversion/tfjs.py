"""Reads weights that TensorFlow.js lays out: a manifest in JSON, and files of numbers, some of them quantised."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path

import numpy as np

from ...errors import EncoderError

STORED: dict[str, np.dtype] = {"float32": np.dtype("<f4"), "uint8": np.dtype("u1")}
"""Types that are read. Of a quantised weight, ``uint8`` is the stored one: value × scale + min."""


def read(manifest: Path) -> dict[str, np.ndarray]:
    """Read all weights that a manifest lists.

    Args:
        manifest: the file; those that it names lie beside it.

    Returns:
        Name → float32 array.

    Raises:
        EncoderError: it is no such manifest, or the numbers are more or fewer than it states.
    """
    try:
        groups = json.loads(manifest.read_text(encoding="utf-8"))
        return {name: each for group in groups for name, each in _group(manifest, group).items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise EncoderError(
            f"{manifest.name} is no manifest of weights: {type(error).__name__}: {error}"
        ) from None


def _group(manifest: Path, group: dict) -> dict[str, np.ndarray]:
    names = [
        Path(path).name for path in group["paths"]
    ]  # beside the manifest, wherever they say that they are
    numbers = b"".join((manifest.parent / name).read_bytes() for name in names)
    weights, at = {}, 0
    for weight in group["weights"]:
        name, quantisation = weight["name"], weight.get("quantization", {})
        kind = quantisation.get("dtype", weight["dtype"])
        if kind not in STORED:
            raise EncoderError(
                f"{manifest.name}: {name} is of the type {kind}; {', '.join(STORED)} are known"
            )
        size = prod(weight["shape"]) * STORED[kind].itemsize
        stored = numbers[at : at + size]
        if len(stored) < size:
            raise EncoderError(f"{', '.join(names)}: {name} is cut short: {len(stored)} of {size} bytes")
        values = np.frombuffer(stored, STORED[kind]).astype(np.float32).reshape(weight["shape"])
        weights[name] = values * quantisation.get("scale", 1) + quantisation.get("min", 0)
        at += size
    if at < len(numbers):
        raise EncoderError(f"{', '.join(names)}: {len(numbers) - at} bytes are left over")
    return weights
