"""What the model is sure of for a row as it is, it is taught for the row disturbed: FixMatch (Sohn et al. 2020).

No label is needed, so rows without one take part, and those with one as well, as in the paper. An epoch goes once
through the rows with a label, and beside each of their batches come rows of all kinds, so many that an epoch sees
all rows once, but `MOST` times the batch at the most.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from .augmentation import disturbed
from .data import Batch
from .losses import one_hot

STREAM = 5000
"""Where this view's random numbers lie: added to `augmentation.LAYERS`, and to those of the dropout layers."""

STRONG = {"feature_noise": 0.5, "mask_time": 0.3, "mask_features": 0.3, "modality_dropout": 0.3}
"""How much the disturbed view is disturbed, by hyper-parameter; the same for all, whatever they do to labelled rows."""

MOST = 4
"""Batches of all rows for a batch of labelled ones; FixMatch's images had 7."""


def view_size(batch: int, *, labelled: int, rows: int) -> int:
    """How many rows of all kinds a step sees beside its batch.

    Args:
        batch: rows of a batch.
        labelled: training rows with a label.
        rows: all training rows.
    """
    return min(rows, batch * min(MOST, max(1, round(rows / labelled))))


def sure(logits: Tensor, threshold: Tensor, smoothing: Tensor) -> tuple[Tensor, Tensor]:
    """Pseudo-labels, and which of them are confident enough to be learned from.

    Smoothed targets keep a share s of the probability from every row's class, so the highest probability is compared
    with ``τ (1 - s + s / C)`` instead of the paper's τ.

    Args:
        logits: ``[K, B, C]``.
        threshold: τ ``[K]``.
        smoothing: s ``[K]``.

    Returns:
        Classes, int64 ``[K, B]``; and float ``[K, B]``, 1 where the class is confident enough, else 0.
    """
    highest, label = logits.softmax(-1).max(-1)
    most = 1 - smoothing + smoothing / logits.shape[-1]
    return label, (highest >= (threshold * most).unsqueeze(-1)).to(logits.dtype)


def strong_view(
    clean: Batch, logits: Tensor, *, hyper: dict[str, Tensor], seeds: Tensor, step: int | Tensor
) -> Batch:
    """The rows disturbed, with their pseudo-labels as targets.

    Args:
        clean: the rows as they are.
        logits: ``[K, B, C]``, the members' decisions on them.
        hyper: ``{hyper-parameter: [K]}``.
        seeds: ``[K]``, of `counters.member_seeds`.
        step: the training step, of which the random numbers are a function.

    Returns:
        Disturbed tokens; weight 0 where a pseudo-label is not confident enough (see `sure`).
    """
    label, weight = sure(logits, hyper["pseudo_threshold"], hyper["smoothing"])
    decided = one_hot(label, logits.shape[-1])
    labelled = clean._replace(
        target=decided,
        weight=weight,
        classes=decided,
        side={},
    )
    strength = {name: torch.full_like(hyper["smoothing"], value) for name, value in STRONG.items()}
    return disturbed(labelled, hyper=strength, on=frozenset(STRONG), seeds=seeds, step=step, stream=STREAM)


def idle(rows: int, configs: Iterable[Mapping[str, Any]]) -> str | None:
    """A notice that rows without a label are not used, or None where they are.

    Args:
        rows: how many training rows have no label.
        configs: of all strategies; one that has ``consistency_weight`` learns from them.
    """
    if not rows or any("consistency_weight" in config for config in configs):
        return None
    return (
        f"{rows} utterances without a label are in the folds, and nothing learns from them: give consistency_weight "
        "in params.yaml's search.space, say [0.5, 1.0], or leave them out of folds"
    )


def consistency(logits: Tensor, view: Batch) -> Tensor:
    """The cross-entropy of the sure rows over the number of all (equation 4): ``[B, C] → []``, of one member."""
    each = -(view.target * torch.log_softmax(logits, dim=-1)).sum(-1)
    return (each * view.weight).mean()
