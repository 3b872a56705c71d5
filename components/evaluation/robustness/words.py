"""Worse transcripts."""

import numpy as np


def dropped(text: str, rate: float, generator: np.random.Generator) -> str:
    """The text without the words that are lost, each with the probability ``rate``."""
    words = text.split()
    if rate == 0:
        return text
    heard = generator.random(len(words)) >= rate
    return " ".join(word for word, there in zip(words, heard, strict=True) if there)
