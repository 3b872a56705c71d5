"""How many bytes a member of a population takes, measured on one: a step, and a scoring of validation rows."""

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .data import Rows
from .population import Member, Population

STATES = 4
"""Copies of a member's parameters that stay: themselves, their average and AdamW's two moments."""


class Peak(TorchDispatchMode):
    """The most bytes that were held at once of what the operations under it made."""

    def __init__(self):
        super().__init__()
        self.most = self._now = 0
        self._known: weakref.WeakSet = weakref.WeakSet()

    def __torch_dispatch__(self, func, types, args: Sequence = (), kwargs: Mapping | None = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for each in tree_leaves(made):
            if isinstance(each, torch.Tensor) and (storage := each.untyped_storage()) not in self._known:
                self._known.add(storage)
                self._now += storage.nbytes()
                weakref.finalize(storage, self._let_go, storage.nbytes())
                self.most = max(self.most, self._now)
        return made

    def _let_go(self, size: int) -> None:
        self._now -= size


def member_bytes(
    strategy: str, member: Member, *, training: Rows, validation: Rows, classes: int, device: str
) -> tuple[int, int]:
    """``(what a member holds all the time, what it takes on top of that while its population is at work)``.

    The latter is an upper bound: what members share is counted in full.
    """
    dimensions = {name: x.shape[-1] for name, x in training.tokens.items()}
    one = Population(strategy, [member], dimensions=dimensions, classes=classes, device=device)
    with Peak() as peak:
        one.fit(training, epochs=1, validation=validation, steps=1)
    return STATES * 4 * one.optimizer.flat.shape[1], peak.most
