"""What training asks of a modality: its media as a model's inputs, and tokens of a batch of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

Run = Callable[..., tuple[Sequence[Tensor], Any]]
"""Runs the model on named arguments: its hidden states, the last one being its output, and all that it gives."""


@dataclass(frozen=True)
class Recording:
    """A recording to be read while training.

    Attributes:
        source: its path.
        digest: of the recording.
    """

    source: str | Path
    digest: str


class Inputs(Protocol):
    """How the model of one modality is given its media.

    Attributes:
        untrained: beginnings of the names of weights that are not trained, even where all others are.
    """

    untrained: tuple[str, ...]

    def of(self, medium: Any) -> Any:
        """What the model is given of a decoded medium. Raises MediaError: nothing in it for this encoder."""

    def of_source(self, source: Any) -> Any:
        """As `of`, of what an utterance is made from. Raises MediaError."""

    def length(self, source: Any) -> int:
        """Of what is padded in a batch; 0 where nothing is."""

    def tokens(self, run: Run, batch: Sequence[Any]) -> tuple[Tensor, Tensor]:
        """Tokens before pooling ``[N, T, D]``, and bool ``[N, T]``, which of them are an utterance's own.

        Args:
            run: the model.
            batch: what `of` gives, of each utterance.
        """
