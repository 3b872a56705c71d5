"""Tensors in files."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import FeatureError
from ..files import as_new, replacing


def load(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file by name."""
    from safetensors.numpy import load_file

    return load_file(path)


def save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays, whole or not at all; sorted by name, so that the same ones are the same bytes."""
    from safetensors.numpy import save_file

    with replacing(path) as temporary:
        save_file({name: np.ascontiguousarray(x) for name, x in sorted(arrays.items())}, temporary)
        as_new(temporary)


def save_finite(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """As `save`.

    Raises:
        FeatureError: numbers that are not finite.
    """
    for name, x in arrays.items():
        if not np.isfinite(x).all():
            raise FeatureError(f"{path.stem}: {name} holds numbers that are not finite; look at the features")
    save(path, arrays)
