"""How many bytes a member of a population takes, measured on one: a step, and a scoring of validation rows."""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from .data import Rows
from .members import Member
from .observing import Observing
from .population import Population

STATES = 4
"""Copies of a member's parameters that stay: themselves, their average and AdamW's two moments."""


class Peak(Observing):
    """Measures the most bytes that the results of the operations under it took at once.

    Attributes:
        most: bytes; storage that several tensors share counts once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.most = self._now = 0
        self._counted: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    def saw(self, operation: Callable[..., Any], args: tuple[Any, ...], result: Any) -> None:
        for each in tree_leaves(result):
            if isinstance(each, torch.Tensor) and (storage := each.untyped_storage()) not in self._counted:
                self._counted.add(storage)
                self._now += storage.nbytes()
                weakref.finalize(storage, self._let_go, storage.nbytes())
                self.most = max(self.most, self._now)

    def _let_go(self, size: int) -> None:
        self._now -= size


def member_bytes(
    strategy: str, member: Member, *, training: Rows, validation: Rows, classes: int, device: str
) -> tuple[int, int]:
    """Measure how much memory one member of a population takes, on one step and one scoring.

    Args:
        strategy: its name.
        member: the configuration to measure.
        training: rows that the step's batch is drawn from.
        validation: rows that are scored.
        classes: number of classes C.
        device: "cpu" or "cuda".

    Returns:
        Bytes that a member takes all the time, and bytes that it takes on top of that during a step or a scoring. The
        latter is an upper bound: what members share is counted in full. On a GPU a recorded step holds its memory while
        validation rows are scored, so both count (`launcher`).
    """
    one = Population(
        strategy,
        [member],
        dimensions=training.dimensions,
        classes=classes,
        layers=training.layers,
        posteriors=training.posteriors,
        device=device,
    )
    with Peak() as peak:
        one.fit(training, epochs=1, validation=validation, steps=1)
    working = peak.most
    if device != "cpu":
        with Peak() as scoring:
            one.evaluate(validation)
        working += scoring.most
    return STATES * 4 * one.optimizer.flat.shape[1], working
