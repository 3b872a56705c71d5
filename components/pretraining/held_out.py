"""Which speakers are tested and not learned from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ..errors import PretrainingError

SEED = 7
"""The same for every model, so that their figures can be compared."""


def held_out(speakers: Sequence[str], share: float) -> list[str]:
    """A share of the speakers, by a hash of their names; at least one, and not all.

    Args:
        speakers: their names, each once.
        share: between 0 and 1.

    Raises:
        PretrainingError: there are fewer than two.
    """
    if len(speakers) < 2:
        raise PretrainingError(
            "there is one speaker, and one is to be held out: add a corpus with more speakers"
        )
    count = min(max(1, round(share * len(speakers))), len(speakers) - 1)
    by_hash = sorted(speakers, key=lambda name: hashlib.sha256(f"{SEED} {name}".encode()).digest())
    return sorted(by_hash[:count])
