"""The characters of the training texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ...media.text import words

BLANK = 0
"""The number of no character, as CTC needs one."""


def spoken(text: str) -> str:
    """A text as it is recognised: normalised words, without marks, a space between them."""
    return " ".join(word for word in words(text) if any(map(str.isalnum, word)))


@dataclass(frozen=True)
class Vocabulary:
    """Characters by number; 0 is none.

    Attributes:
        characters: sorted; the first has the number 1.
    """

    characters: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Vocabulary:
        """All characters of texts, each as `spoken` gives it."""
        return cls(tuple(sorted({character for text in texts for character in text})))

    def __len__(self) -> int:
        """How many, with that of no character."""
        return len(self.characters) + 1

    def numbers(self, text: str) -> list[int]:
        """The characters of a text, as `spoken` gives it; those that training never saw are left out."""
        places = {character: number for number, character in enumerate(self.characters, start=1)}
        return [places[character] for character in text if character in places]

    def text(self, numbers: Sequence[int]) -> str:
        """The text of characters by number."""
        return "".join(self.characters[number - 1] for number in numbers if number != BLANK)


def steps_needed(text: str) -> int:
    """How many steps CTC takes for a text at the least: one a character, and a blank between two that are equal."""
    return len(text) + sum(one == other for one, other in pairwise(text))
