"""Worse transcripts."""

from collections.abc import Iterable, Mapping

import numpy as np

from . import perturbation


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


def worse(
    condition: str,
    rate: float,
    texts: Mapping[str, str],
    others: Mapping[str, Iterable[str]],
    *,
    seed: int,
) -> dict[str, str]:
    """Utterances under a condition of words; each has the same errors wherever it is read.

    Args:
        condition: ``dropped_words`` or ``wrong_words``.
        rate: of the condition.
        texts: utterance → what is said in it.
        others: of wrong words: utterance → what other people say.
        seed: of the experiment.
    """
    draws = {name: perturbation.generator(seed, condition, name) for name in texts}
    if condition == "dropped_words":
        return {name: dropped(text, rate, draws[name]) for name, text in texts.items()}
    return {name: wrong(text, " ".join(others[name]), rate, draws[name]) for name, text in texts.items()}
