"""One modality's pre-computed features joined to a corpus: the type that all readers return."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import listed
from ...schema import TABLE

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Attached:
    """One modality's features, joined to a corpus.

    Attributes:
        names: of the D dimensions.
        tokens: utterance id → float32 [T, D], all finite, sorted by id; T is 1 for pooled features.
        unusable: utterance id → why nothing of what came for it can be used.
        foreign: how many clips were of no utterance of the corpus (which may be a part of one); left out.
        notes: what else was left out, in sentences.
    """

    names: tuple[str, ...]
    tokens: dict[str, np.ndarray]
    unusable: dict[str, str]
    foreign: int = 0
    notes: tuple[str, ...] = ()

    @property
    def encoder(self) -> str:
        """What stands for their encoder in the feature store."""
        return TABLE

    def rows(self) -> Iterator[tuple[int | None, str, np.ndarray]]:
        """None, for they are the same in every fold; utterance; and its tokens."""
        for name, tokens in self.tokens.items():
            yield None, name, tokens

    @property
    def index(self) -> list[str]:
        """The utterances that have features, sorted."""
        return list(self.tokens)

    def __len__(self) -> int:
        return len(self.tokens)

    def coverage(self, ids: Iterable[str]) -> str:
        """In a sentence, how many of these utterances have features, and which lack them."""
        ids = sorted(ids)
        lacking = [each for each in ids if each not in self.tokens]
        longest = max(map(len, self.tokens.values()), default=0)
        facts = [f"{len(self.names)} features of {len(ids) - len(lacking)} of {len(ids)} utterances"]
        facts += [f"sequences of up to {longest} tokens"] if longest > 1 else []
        facts += [f"{len(lacking)} have none: {listed(lacking)}"] if lacking else []
        facts += [f"{self.foreign} clip(s) are not of this corpus"] if self.foreign else []
        return "; ".join((*facts, *self.notes))
