"""Worse transcripts."""

import numpy as np


def dropped(text: str, rate: float, generator: np.random.Generator) -> str:
    """The text without the words that are lost, each with the probability ``rate``."""
    words = text.split()
    if rate == 0:
        return text
    heard = generator.random(len(words)) >= rate
    return " ".join(word for word, there in zip(words, heard, strict=True) if there)


def wrong(text: str, others: str, rate: float, generator: np.random.Generator) -> str:
    """The text with each word taken for another with the probability ``rate``.

    Args:
        others: what other people say. A wrong word is one of theirs that the text does not have; where there is none,
            the word is lost.
    """
    words = text.split()
    if rate == 0:
        return text
    own = {word.casefold() for word in words}
    foreign = [word for word in others.split() if word.casefold() not in own] or [""]
    mistaken = generator.random(len(words)) < rate
    drawn = generator.integers(len(foreign), size=len(words))
    heard = [foreign[k] if lost else word for word, lost, k in zip(words, mistaken, drawn, strict=True)]
    return " ".join(word for word in heard if word)
