"""What the members make of rows in evaluation: without dropout, without gradients."""

import torch
from torch import Tensor
from torch.func import vmap

from .data import Batch, Rows
from .heads import DIMENSIONS, applied
from .stacked import Stacked

PARTS = 5
"""Of validation, by speakers, where something is fitted on it and scored on it."""
SCORED_AT_ONCE = 512
"""Rows: what a transformer holds of all validation rows at once may be more than what a step holds."""


def held_out(rows: Rows) -> Tensor:
    """The rows in parts, bool ``[parts, N]``: nobody speaks in two, where speakers are known.

    What is fitted on all others is scored on a part (cross-fitting), for on the rows that it was fitted on it looks
    better than it is. Where all are of one speaker the parts share them, each a run of rows.
    """
    each = torch.arange(len(rows), device=rows.target.device)
    _, number = torch.unique(each if rows.speaker is None else rows.speaker, return_inverse=True)
    part = number % PARTS if number.any() else each * min(PARTS, len(each)) // len(each)
    return torch.arange(int(part.max()) + 1, device=part.device).unsqueeze(-1) == part


@torch.no_grad()
def logits_of(stacked: Stacked, flat: Tensor, rows: Rows) -> tuple[Tensor, dict[str, Tensor]]:
    """Score rows with what was fitted on validation rows.

    Args:
        stacked: the members' model and buffers.
        flat: weights ``[K, P]``.
        rows: N prepared rows, on the same device.

    Returns:
        Logits ``[K, N, C]``, and each modality's own ``{modality: [K, N, C]}``, empty where the strategy has none.
    """
    stacked.model.eval()
    weights = stacked.named(flat), stacked.scoring_buffers
    outputs = []
    for some in torch.arange(len(rows), device=stacked.device).split(SCORED_AT_ONCE):
        part = rows.at(some)

        def call(
            parameters: dict[str, Tensor], buffers: dict[str, Tensor], part: Rows = part
        ) -> tuple[Tensor, dict[str, Tensor]]:
            output = stacked.call(parameters, buffers, part.tokens, part.present)
            return output.logits, output.per_modality_logits or {}

        outputs.append(vmap(call)(*weights))
    logits, unimodal = zip(*outputs, strict=True)
    return torch.cat(logits, dim=1), {
        name: torch.cat([each[name] for each in unimodal], dim=1) for name in unimodal[0]
    }


@torch.no_grad()
def embeddings_of(stacked: Stacked, flat: Tensor, rows: Rows) -> dict[str, Tensor]:
    """What each modality is encoded to: ``{modality: [K, N, E]}``; empty for a strategy that encodes nothing."""
    stacked.model.eval()

    def call(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> dict[str, Tensor]:
        output = stacked.call(parameters, buffers, rows.tokens, rows.present)
        return output.per_modality_embeddings or {}

    return vmap(call)(stacked.named(flat), stacked.scoring_buffers)


@torch.no_grad()
def dimensions_of(stacked: Stacked, flat: Tensor, rows: Rows) -> dict[str, Tensor]:
    """What the heads predict of valence, arousal and dominance, ``{name: [K, N]}``; empty where there are none."""
    stacked.model.eval()
    heads = {name: head for name, head in stacked.named_heads(flat).items() if name in DIMENSIONS}
    if not heads:
        return {}
    outputs = []
    for some in torch.arange(len(rows), device=stacked.device).split(SCORED_AT_ONCE):
        part = rows.at(some)

        def call(
            parameters: dict[str, Tensor],
            buffers: dict[str, Tensor],
            heads: dict[str, Tensor],
            part: Rows = part,
        ) -> dict[str, Tensor]:
            embedding = stacked.call(parameters, buffers, part.tokens, part.present).embedding
            return {name: applied(head, embedding) for name, head in heads.items()}

        outputs.append(vmap(call)(stacked.named(flat), stacked.scoring_buffers, heads))
    return {name: torch.cat([each[name] for each in outputs], dim=1) for name in heads}


@torch.no_grad()
def decided(stacked: Stacked, flat: Tensor, batch: Batch) -> Tensor:
    """Logits ``[K, B, C]`` of each member on its own batch, amid training: with nothing fitted on validation rows."""

    def call(
        parameters: dict[str, Tensor],
        buffers: dict[str, Tensor],
        tokens: dict[str, Tensor],
        present: dict[str, Tensor],
    ) -> Tensor:
        return stacked.call(parameters, buffers, tokens, present).logits

    stacked.model.eval()
    logits = vmap(call)(stacked.named(flat), stacked.buffers, batch.tokens, batch.present)
    stacked.model.train()
    return logits
