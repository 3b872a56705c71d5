"""Words to tokens, by hashing alone: nothing is fitted, nothing is downloaded, any language is read."""

from hashlib import blake2b

import numpy as np

from .. import media
from ..errors import MediaError
from .base import Encoder


class Hashing(Encoder):
    """How often each word, pair of words and piece of a word occurs, in ``dimensions`` hashed columns.

    Half the columns are for words, a quarter for pairs of neighbours, a quarter for pieces of three to five
    characters, so that the many rare ones do not drown the few that matter. Weinberger et al. (2009), Feature
    hashing for large scale multitask learning; without their signs, so that the columns stay counts, of which
    training may take a logarithm and the inverse document frequency.
    """

    name = "hashing"
    modality = "text"
    kind = "pooled"
    version = 1

    def __init__(self, *, dimensions: int):
        self.dimensions = dimensions
        self.parameters = {"dimensions": dimensions}

    @classmethod
    def decoding(cls) -> int:
        from ..media.text import VERSION

        return VERSION

    def decode(self, source: str) -> list[str]:
        return media.words(source)

    def encode_decoded(self, medium: list[str]) -> np.ndarray:
        if not medium:
            raise MediaError("empty: no word in it")
        quarter = self.dimensions // 4
        kinds = (
            (medium, self.dimensions - 2 * quarter),
            ([f"{a} {b}" for a, b in zip(["<", *medium], [*medium, ">"], strict=True)], quarter),
            ([piece for word in medium for piece in _pieces(word)], quarter),
        )
        counts = [
            np.bincount([_hash(item) % columns for item in items], minlength=columns)
            for items, columns in kinds
        ]
        return np.concatenate(counts).astype(np.float32)[None]


def _hash(item: str) -> int:
    """The same on every machine and in every process, unlike ``hash``."""
    return int.from_bytes(blake2b(item.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _pieces(word: str) -> list[str]:
    """Runs of three to five characters, the word's ends marked."""
    marked = f"<{word}>"
    return [marked[at : at + size] for size in (3, 4, 5) for at in range(len(marked) - size + 1)]
