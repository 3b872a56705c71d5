"""Writes tensors as safetensors, the same bytes for the same tensors."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

METADATA = {"format": "pt"}
"""transformers refuses files that do not say which framework reads them."""
READABLE = 0o644
"""safetensors writes files that their owner alone may read."""


def save(tensors: Mapping[str, np.ndarray], path: Path) -> None:
    """Write arrays to a safetensors file that transformers loads.

    Args:
        tensors: name → array.
        path: of the file.
    """
    from safetensors.numpy import save_file

    ordered = {name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors)}
    save_file(ordered, path, metadata=METADATA)
    path.chmod(READABLE)
