"""Git LFS pointer files, which stand in a clone for large files that have not been downloaded.

Source: git-lfs's docs/spec.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

LONGEST = 1024  # spec.md: a pointer is less than that many bytes
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize (\d+)\n"
)


@dataclass(frozen=True)
class Pointer:
    """What stands for a file: its SHA-256 and its size in bytes."""

    oid: str
    size: int


def pointer(path: Path) -> Pointer | None:
    """What a file points to; None where it is an ordinary file."""
    if path.stat().st_size >= LONGEST:
        return None
    match = _POINTER.fullmatch(path.read_bytes())
    return Pointer(match[1].decode(), int(match[2])) if match else None
