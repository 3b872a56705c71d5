"""Words to tokens, by hashing alone: nothing is fitted, nothing is downloaded, any language is read."""

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
    libraries = ("scikit-learn",)

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
        from sklearn.feature_extraction import FeatureHasher

        quarter = self.dimensions // 4
        kinds = (
            (medium, self.dimensions - 2 * quarter),
            ([f"{a} {b}" for a, b in zip(["<", *medium], [*medium, ">"], strict=True)], quarter),
            ([piece for word in medium for piece in _pieces(word)], quarter),
        )
        counts = [
            FeatureHasher(columns, input_type="string", alternate_sign=False, dtype=np.float32)
            .transform([items])
            .toarray()
            for items, columns in kinds
        ]
        return np.concatenate(counts, axis=1)


def _pieces(word: str) -> list[str]:
    """Runs of three to five characters, the word's ends marked."""
    marked = f"<{word}>"
    return [marked[at : at + size] for size in (3, 4, 5) for at in range(len(marked) - size + 1)]
