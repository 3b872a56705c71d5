"""Writes tensors as safetensors, the same bytes for the same tensors."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...files import as_new

METADATA = {"format": "pt"}
"""transformers refuses files that do not say which framework reads them."""


def save(tensors: Mapping[str, np.ndarray], path: Path) -> None:
    """Write arrays to a safetensors file that transformers loads.

    Args:
        tensors: name → array.
        path: of the file.
    """
    from safetensors.numpy import save_file

    ordered = {name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors)}
    save_file(ordered, path, metadata=METADATA)
    as_new(path)
