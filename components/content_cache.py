"""Entries of a content-addressed cache: files of arrays, each found by the digest of all that decides them.

Nothing in a cache is trusted: whoever writes an entry keeps a digest of what is in it, and one that does not hold is as
if it were not there. So entries are not flushed to the disk one by one, and any number of processes may share a folder.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .files import naming

if TYPE_CHECKING:
    import numpy as np


def entry_path(root: Path, key: str) -> Path:
    """Where the entry of a key lies: ``ab/abcd….safetensors``."""
    return root / key[:2] / f"{key}.safetensors"


def read_entry(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """Read an entry.

    Args:
        path: as `entry_path` gives it.

    Returns:
        Its arrays, and what was stated about them; None where there is none that can be read. Whether they are what was
        written is for the reader to check, by `content_digest`.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {})["entry"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no mapping)
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
    return (arrays, about) if isinstance(about, dict) else None


def write_entry(path: Path, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> None:
    """Write an entry, whole or not at all.

    Args:
        path: as `entry_path` gives it.
        arrays: by name.
        about: what else there is to say of them, as JSON.

    Raises:
        OSError: it cannot be written; names ``path``.
    """
    from safetensors.numpy import save

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}")
    try:
        with naming(path):
            temporary.write_bytes(save(dict(arrays), {"entry": json.dumps(about)}))
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def content_digest(said: Sequence[Any], arrays: Iterable[np.ndarray]) -> str:
    """The SHA-256 of arrays and of what is said about them, JSON values."""
    arrays = list(arrays)
    shapes = [each for array in arrays for each in (list(array.shape), str(array.dtype))]
    found = hashlib.sha256(json.dumps([*said, *shapes]).encode())
    for array in arrays:
        found.update(array.tobytes())
    return found.hexdigest()
