"""Classes by their words: a row is scored by how near its modalities lie to what the class's prompts are encoded to.

As CLIP classifies (Radford et al. 2021, Learning Transferable Visual Models From Natural Language Supervision,
section 3.1). It takes a strategy that encodes each modality for itself, trained with ``align_weight``.
"""

import torch
from torch import Tensor

from .strategy import Strategy

WORDS = "text"
"""The modality that prompts are of."""
TEMPERATURE = 0.1
"""As the alignment is trained with (`training.contrast`)."""


def prompt_logits(
    embeddings: dict[str, Tensor], present: dict[str, Tensor], prompts: Tensor, usual: Tensor
) -> Tensor:
    """How near a row lies to each class's prompt, over the temperature: ``[B, C]``.

    The words count for half, since prompts are words too and an unseen class is known by nothing else; the other half
    is the mean cosine of the other modalities. Where one half is absent the other stands alone; a row without anything
    scores 0 everywhere. What clips say anyhow, such as the carrier sentences of an acted corpus, is not counted for any
    class: the words' direction is taken less the mean direction of the training clips' words.

    Args:
        embeddings: ``{modality: [B, E]}``, as in `FusionOutput`.
        present: ``{modality: bool [B, T]}``; a modality that is not named is absent.
        prompts: ``[C, E]`` of length 1.
        usual: mean direction of the words of training clips ``[E]``.
    """
    names = sorted(set(embeddings) & set(present))
    there = torch.stack([present[name].any(-1) for name in names], dim=-1)  # [B, M]
    words = there & torch.tensor([name == WORDS for name in names], device=there.device)
    others = there & ~words
    share = words + others / others.sum(-1, keepdim=True).clamp(min=1)
    share = share / share.sum(-1, keepdim=True).clamp(min=1)
    towards = {name: torch.nn.functional.normalize(embeddings[name], dim=-1) for name in names}
    if WORDS in towards:
        towards[WORDS] = towards[WORDS] - usual
    cosine = torch.stack([towards[name] @ prompts.T for name in names], dim=1)  # [B, M, C]
    return (cosine * share.unsqueeze(-1)).sum(1) / TEMPERATURE


def encoded_size(member: Strategy) -> int | None:
    """E of what a strategy encodes words and something else to, each for itself; None where it does not."""
    nothing = {name: torch.zeros(1, 1, size) for name, size in member.inputs.items()}
    present = {name: torch.ones(1, 1, dtype=torch.bool) for name in member.inputs}
    with torch.no_grad():
        encoded = member.eval()(nothing, present).per_modality_embeddings or {}
    return encoded[WORDS].shape[-1] if WORDS in encoded and len(encoded) > 1 else None
