"""What an encoder has to offer to be trained with the fusion, and how it is trained."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn


class Learner(Protocol):
    """An encoder with weights that learn.

    Attributes:
        module: the model.
    """

    module: nn.Module

    @property
    def trained(self) -> Mapping[str, nn.Parameter]:
        """The weights that are trained, by name."""

    def length(self, utterance_id: str) -> int:
        """A measure of how much the model reads for an utterance: those of a length go well into one batch."""

    def tokens(self, ids: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Tokens ``[N, T, D]``, with gradient, and bool ``[N, T]``, whether there is one."""


Opener = Callable[[int, str], Learner]
"""``(seed, device) → learner`` as it is before the first step. It is pickled to workers."""


@dataclass(frozen=True)
class Tuning:
    """How members are tuned.

    Attributes:
        epochs: at most; the learning rates fall to 0 over as many.
        learning_rate: of the encoders; the fusion has that of its configuration.
        batch: utterances of an optimizer's step.
        accumulate: parts of a batch that go through the encoder one after another.
    """

    epochs: int
    learning_rate: float
    batch: int
    accumulate: int
