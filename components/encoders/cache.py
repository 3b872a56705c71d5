"""Content-addressed cache of encoded clips: adding one speaker extracts one speaker. See ``content_cache``."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..content_cache import content_digest, entry_path, read_entry, write_entry
from ..files import digest_of
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
        return entry_path(self.root, key)

    def get(self, key: str) -> Entry | None:
        """The entry; None where there is none that holds."""
        found = read_entry(self.path(key))
        if found is None or "tokens" not in found[0]:
            return None
        arrays, about = found
        entry = Entry(arrays["tokens"], about.get("reason"), about.get("notice"), about.get("coverage"))
        return entry if about.get("digest") == _digest(entry) else None

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry.

        Raises:
            OSError: it cannot be written; names its path.
        """
        about = {
            "reason": entry.reason,
            "notice": entry.notice,
            "coverage": entry.coverage,
            "digest": _digest(entry),
        }
        write_entry(self.path(key), {"tokens": entry.tokens}, about)


def _digest(entry: Entry) -> str:
    said = [entry.reason, *(each for each in (entry.notice, entry.coverage) if each is not None)]
    return content_digest(said, [entry.tokens])
