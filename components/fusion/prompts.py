"""Classes by their words: a row is scored by how near its modalities lie to what the class's prompts are encoded to.

As CLIP classifies (Radford et al. 2021, Learning Transferable Visual Models From Natural Language Supervision,
section 3.1). It takes a strategy that encodes each modality for itself, trained with ``align_weight``.
"""

from collections.abc import Collection

import torch
from torch import Tensor

from .strategy import Strategy

WORDS = "text"
"""The modality that prompts are of."""
TEMPERATURE = 0.1
"""As the alignment is trained with (`training.contrast`)."""


def prompt_logits(embeddings: dict[str, Tensor], present: dict[str, Tensor], prompts: Tensor) -> Tensor:
    """The mean cosine of a row's modalities with each class's prompt, over the temperature: ``[B, C]``.

    The words do not vote where there is anything else: what was said is not what it is called. Rows with words alone
    are scored by these; a row without anything scores 0 everywhere.

    Args:
        embeddings: ``{modality: [B, E]}``, as in `FusionOutput`.
        present: ``{modality: bool [B, T]}``; a modality that is not named is absent.
        prompts: ``[C, E]`` of length 1.
    """
    names = sorted(set(embeddings) & set(present))
    there = torch.stack([present[name].any(-1) for name in names], dim=-1)  # [B, M]
    other = torch.tensor([name != WORDS for name in names], device=there.device)
    voting = torch.where((there & other).any(-1, keepdim=True), there & other, there)
    cosine = torch.stack(
        [torch.nn.functional.normalize(embeddings[name], dim=-1) @ prompts.T for name in names], dim=1
    )  # [B, M, C]
    share = voting / voting.sum(-1, keepdim=True).clamp(min=1)
    return (cosine * share.unsqueeze(-1)).sum(1) / TEMPERATURE


def voting(names: Collection[str]) -> list[str]:
    """Those of a row's modalities that vote, sorted."""
    return sorted(set(names) - {WORDS}) or sorted(names)


def encoded_size(member: Strategy) -> int | None:
    """E of what a strategy encodes words and something else to, each for itself; None where it does not."""
    nothing = {name: torch.zeros(1, 1, size) for name, size in member.inputs.items()}
    present = {name: torch.ones(1, 1, dtype=torch.bool) for name in member.inputs}
    with torch.no_grad():
        encoded = member.eval()(nothing, present).per_modality_embeddings or {}
    return encoded[WORDS].shape[-1] if WORDS in encoded and len(encoded) > 1 else None
