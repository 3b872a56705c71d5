"""Modalities that are missing at random."""

from collections.abc import Sequence

from .perturbation import generator


def absent(utterance_id: str, modalities: Sequence[str], rate: float, *, seed: int) -> set[str]:
    """Which of an utterance's modalities are missing, each with the probability ``rate``; at least one is left.

    What is missing at one rate is missing at every higher one.
    """
    draws = generator(seed, "missing", utterance_id).random(len(modalities))
    last = draws.argmax()
    return {
        name
        for k, (name, drawn) in enumerate(zip(modalities, draws, strict=True))
        if drawn < rate and k != last
    }
