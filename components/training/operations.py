"""What one answer of trained members costs, in floating-point operations."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from ..fusion.preparation import Preparation
from ..fusion.strategy import Strategy
from .data import Rows
from .rows import prepare

OPERATIONS = "operations"
"""Name of the array of operations."""
TOKENS = "tokens."
"""Beginning of the names of arrays that hold how many tokens they are counted with: ``tokens.audio``."""


def operations(
    model: Strategy, preparation: Preparation, rows: Rows, *, members: int
) -> dict[str, np.ndarray]:
    """Count the operations of one answer: preparation and the forward pass of all members, without encoders.

    Counted is an utterance that has all modalities, each with the median number of tokens of the rows that have it. A
    multiplication and an addition are two operations. As `torch.utils.flop_counter` counts them, they are those of
    matrix products, convolutions and attention, and none of operations on single elements.

    Args:
        model: of a member, on the device of the preparation.
        preparation: of the rows.
        rows: N unprepared rows of the model's modalities.
        members: how many there are.

    Returns:
        ``operations`` int64 ``[]``, and ``tokens.<modality>`` int64 ``[]``, which is 0 for a modality that no row has.
    """
    counts = token_counts(rows)
    with FlopCounterMode(display=False) as preparing, torch.no_grad():
        one = prepare(preparation, typical(rows))
    with FlopCounterMode(display=False) as answering, torch.no_grad():
        model.eval()(one.tokens, one.present)
    total = preparing.get_total_flops() + members * answering.get_total_flops()
    return {OPERATIONS: np.array(total, dtype=np.int64)} | {
        TOKENS + name: np.array(count, dtype=np.int64) for name, count in counts.items()
    }


def typical(rows: Rows) -> Rows:
    """One row with all modalities, each with as many tokens as `token_counts` says, all of them 0."""
    counts = token_counts(rows)
    lengths = {name: max(1, count) for name, count in counts.items()}
    return Rows(
        {name: x.new_zeros(1, lengths[name], x.shape[-1]) for name, x in rows.tokens.items()},
        {name: x.new_full((1, lengths[name]), counts[name] > 0) for name, x in rows.present.items()},
        rows.target[:1],
    )


def token_counts(rows: Rows) -> dict[str, int]:
    """The median number of tokens of each modality over the rows that have it; 0 of one that none has."""
    return {name: _median(mask.sum(1)) for name, mask in rows.present.items()}


def members_operations(members: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What `operations` counted of several members, each with a preparation of its own, as that of one answer."""
    counts = {key: x for key, x in members[0].items() if key.startswith(TOKENS)}
    return {OPERATIONS: np.sum([each[OPERATIONS] for each in members])} | counts


def _median(lengths: torch.Tensor) -> int:
    """The lower median over the rows that have a token; 0 where none has."""
    there = lengths[lengths > 0]
    return int(there.median()) if len(there) else 0
