"""Content-addressed cache of encoded clips: adding one speaker extracts one speaker.

Nothing here is trusted: each entry carries the digest of its tokens, and one that does not hold is as if it were
not there. So entries are not flushed to the disk one by one, and any number of processes may share the folder.
"""

import hashlib
import json
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ..files import digest_of, naming
from .base import Encoder


@dataclass(frozen=True)
class Entry:
    tokens: np.ndarray
    """[T, D]; T is 0 for what cannot be encoded."""
    reason: str | None = None
    """Why it cannot."""
    notice: str | None = None
    """What of it was left out."""
    coverage: float | None = None
    """The share of a film's frames with a face, where a face was followed."""


class Cache:
    """A folder of entries: ``ab/abcd….safetensors``."""

    def __init__(self, root: str | Path):
        self.root = Path(root)

    @staticmethod
    def key(media_digest: str, encoder: Encoder) -> str:
        return digest_of({"media": media_digest, "encoder": encoder.digest()})

    def path(self, key: str) -> Path:
        return self.root / key[:2] / f"{key}.safetensors"

    def get(self, key: str) -> Entry | None:
        """The entry; None where there is none that holds."""
        try:
            with safe_open(self.path(key), framework="numpy") as file:
                about = json.loads((file.metadata() or {})["entry"])
                tokens = file.get_tensor("tokens")
        except (OSError, SafetensorError, KeyError, ValueError):
            return None
        if not isinstance(about, dict):
            return None
        entry = Entry(tokens, about.get("reason"), about.get("notice"), about.get("coverage"))
        return entry if about.get("digest") == _digest(entry) else None

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry.

        Raises:
            OSError: it cannot be written; names its path.
        """
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        about = {
            "reason": entry.reason,
            "notice": entry.notice,
            "coverage": entry.coverage,
            "digest": _digest(entry),
        }
        temporary = path.with_name(f".{uuid.uuid4().hex}")
        try:
            with naming(path):
                temporary.write_bytes(save({"tokens": entry.tokens}, {"entry": json.dumps(about)}))
                temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _digest(entry: Entry) -> str:
    said = [entry.reason, *(each for each in (entry.notice, entry.coverage) if each is not None)]
    head = json.dumps([*said, list(entry.tokens.shape), str(entry.tokens.dtype)])
    return hashlib.sha256(head.encode() + entry.tokens.tobytes()).hexdigest()
