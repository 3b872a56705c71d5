"""Which rows each step of an epoch sees, for every member in an order of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from . import consistency
from .data import UNLABELLED, Rows

BATCH = (32, 64)
"""The smallest and largest batch; in between a tenth of the rows, so that an epoch is some ten steps."""


@dataclass(frozen=True)
class Order:
    """An epoch's rows.

    Attributes:
        labelled: rows with a label, ``[K, L]``; partner: of each, the row it may be mixed with.
        everything: all rows, ``[K, N]``; None where they were not asked for.
        size: rows of a batch; seen: rows of all kinds beside it.
        steps: whole batches.
    """

    labelled: Tensor
    partner: Tensor
    everything: Tensor | None
    size: int
    seen: int
    steps: int

    def batch(self, i: int) -> tuple[Tensor, Tensor]:
        """Step ``i``'s rows with a label and their partners: ``[K, size]`` each."""
        at = slice(i * self.size, (i + 1) * self.size)
        return self.labelled[:, at], self.partner[:, at]

    def view(self, i: int) -> Tensor:
        """Step ``i``'s rows of `everything`, ``[K, seen]``; they start over where they are at an end."""
        assert self.everything is not None, "an order of labelled rows only"
        around = torch.arange(i * self.seen, (i + 1) * self.seen, device=self.everything.device)
        return self.everything[:, around % self.everything.shape[1]]


class Places:
    """Where a step finds its rows, in tensors that stay where they are from step to step.

    Attributes:
        index, partner: as from `Order.batch`; view: as from `Order.view`, None where all rows are not asked for.
    """

    def __init__(self, order: Order):
        self.index, self.partner = (x.clone() for x in order.batch(0))
        self.view = None if order.everything is None else order.view(0)

    def fit(self, order: Order) -> bool:
        """Whether these tensors have the sizes of this order's steps."""
        members = len(order.labelled)
        view = None if order.everything is None else (members, order.seen)
        return self.index.shape == (members, order.size) and view == (
            None if self.view is None else self.view.shape
        )

    def set(self, order: Order, i: int) -> None:
        """Copy step ``i``'s."""
        index, partner = order.batch(i)
        self.index.copy_(index)
        self.partner.copy_(partner)
        if self.view is not None:
            self.view.copy_(order.view(i))


def batch_size(labelled: int) -> int:
    """Rows with a label that a step sees, of so many."""
    return min(labelled, max(BATCH[0], min(BATCH[1], labelled // 10)))


def steps_of(labelled: int) -> int:
    """Steps of an epoch of so many rows with a label."""
    return labelled // batch_size(labelled)


def order_of(rows: Rows, *, seeds: Sequence[int], epoch: int, everything: bool) -> Order:
    """The members' order of the rows in an epoch, a function of their seeds and of the epoch's number.

    Args:
        rows: training rows.
        seeds: one per member.
        epoch: from 0 on.
        everything: whether rows of all kinds are seen beside those with a label.
    """
    known = (rows.target != UNLABELLED).nonzero().squeeze(-1)
    count = len(known)
    size = batch_size(count)
    labelled = known[_shuffled(count, seeds, epoch).to(known.device)]
    return Order(
        labelled,
        labelled.roll(1, dims=1),
        _shuffled(len(rows), seeds, epoch, consistency.STREAM).to(known.device) if everything else None,
        size=size,
        seen=consistency.view_size(size, labelled=count, rows=len(rows)),
        steps=steps_of(count),
    )


def _shuffled(count: int, seeds: Sequence[int], epoch: int, stream: int = 0) -> Tensor:
    """``[K, count]``."""
    orders = []
    for own in seeds:
        seed = (own * 1_000_003 + epoch + (stream << 40)) % (1 << 62)
        orders.append(torch.randperm(count, generator=torch.Generator().manual_seed(seed)))
    return torch.stack(orders)
