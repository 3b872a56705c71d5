"""Rates of wrong characters and words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class ErrorRates(NamedTuple):
    """Substitutions, deletions and insertions by what was said; they can exceed 1.

    Attributes:
        characters: CER.
        words: WER.
    """

    characters: float
    words: float


def error_rates(found: Sequence[str], said: Sequence[str]) -> ErrorRates:
    """Compare recognised texts with transcripts, over all of them together.

    Args:
        found: a text of each clip, as `vocabulary.spoken` gives it; empty where nothing was recognised.
        said: the transcripts, likewise, none of them empty.
    """
    from torchmetrics.functional.text import char_error_rate, word_error_rate

    return ErrorRates(float(char_error_rate(found, said)), float(word_error_rate(found, said)))
