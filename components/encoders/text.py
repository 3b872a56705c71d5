"""Text encoders; feature hashing of words and character n-grams, without fitting, downloads or a language."""

from hashlib import blake2b

import numpy as np

from .. import media
from ..errors import MediaError
from .base import Encoder
from .dialogue import Turn, as_turn


class Text(Encoder):
    """Reads a text as its corpus has it."""

    modality = "text"

    @classmethod
    def decoding(cls) -> int:
        from ..media.text import VERSION

        return VERSION

    def decode(self, source: str | Turn) -> Turn:
        """The text, of which each encoder makes its own words, and what was said before it in its dialogue."""
        return as_turn(source)


class Hashing(Text):
    """How often each word occurs, and each piece of a word, in ``dimensions`` hashed columns.

    Half the columns are for words, half for their pieces of three to five characters, which let a word that was
    never seen lean on its kin. A word's pieces weigh one together, so that they do not drown the words. Pairs of
    words are left out: on the few hundred sentences of a speech corpus they are noise. Weinberger et al. (2009),
    Feature hashing for large scale multitask learning; without their signs, so that the columns stay counts, of
    which training may take a logarithm and the inverse document frequency.
    """

    name = "hashing"
    kind = "pooled"
    version = 2

    def __init__(self, *, dimensions: int):
        self.dimensions = dimensions
        self.parameters = {"dimensions": dimensions}

    def encode_decoded(self, medium: Turn) -> np.ndarray:
        found = media.words(medium.text)
        if not found:
            raise MediaError("empty: no word in it")
        words = self.dimensions // 2
        counts = np.zeros(self.dimensions, dtype=np.float32)
        for word in found:
            counts[_hash(word) % words] += 1
            pieces = _pieces(word)
            for piece in pieces:
                counts[words + _hash(piece) % (self.dimensions - words)] += 1 / len(pieces)
        return counts[None]


def _hash(item: str) -> int:
    """The same on every machine and in every process, unlike ``hash``."""
    return int.from_bytes(blake2b(item.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _pieces(word: str) -> list[str]:
    """Runs of three to five characters, the word's ends marked."""
    marked = f"<{word}>"
    return [marked[at : at + size] for size in (3, 4, 5) for at in range(len(marked) - size + 1)]
