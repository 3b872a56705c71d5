"""Adversarial features: the smallest change that hurts most, made by somebody who knows model and label."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...files import digest_of

if TYPE_CHECKING:
    from ...fusion.model import EmotionModel

ATTACKS = {"fgsm": 1, "pgd": 10}
"""Condition → steps of the attack: the fast gradient sign method, and projected gradient descent."""


def probabilities(
    model: "EmotionModel",
    rows: Sequence[Mapping[str, np.ndarray]],
    truth: np.ndarray,
    condition: str,
    radius: float,
    *,
    utterance_ids: np.ndarray,
    seed: int,
) -> np.ndarray:
    """What a model says of utterances whose prepared features were moved so that it errs.

    The gradient is that of the log loss of the members' mean probability (see `training.adversarial.attack`). A feature
    moves by ``radius`` at most; prepared features have a standard deviation of 1 in training, but for word counts.

    Args:
        model: a fold's.
        rows: for each of N utterances its tokens, ``{modality: [T, D]}``; a missing modality is left out.
        truth: the classes, int ``[N]``.
        condition: one of `ATTACKS`.
        radius: 0 or more.
        utterance_ids: ``[N]``; with the seed they decide where projected gradient descent starts.
        seed: of the experiment.

    Returns:
        float64 ``[N, C]``.
    """
    import torch
    from torch import Tensor

    from ...training.adversarial import attack
    from ...training.counters import member_seeds
    from .scoring import BATCH, padded

    def answer(tokens: dict[str, Tensor], present: dict[str, Tensor]) -> Tensor:
        of_members = [tokens] * len(model.members)
        return model.logits(of_members, present).double().softmax(-1).mean(0)  # [K, B, C] → [B, C]

    scored = []
    for at in range(0, len(rows), BATCH):
        tokens, present = padded(model, rows[at : at + BATCH])
        target = torch.from_numpy(truth[at : at + BATCH])
        ids = utterance_ids[at : at + BATCH]
        seeds = member_seeds([int(digest_of([seed, condition, str(each)]), 16) for each in ids], "cpu")

        def uphill(
            moved: dict[str, Tensor], present: dict[str, Tensor] = present, target: Tensor = target
        ) -> dict[str, Tensor]:
            leaves = {name: x.squeeze(1).detach().requires_grad_() for name, x in moved.items()}
            given = answer(leaves, present).gather(1, target.unsqueeze(1))
            loss = -given.clamp_min(torch.finfo(given.dtype).tiny).log().sum()
            slopes = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
            return {
                name: (torch.zeros_like(leaf) if slope is None else slope).unsqueeze(1)
                for (name, leaf), slope in zip(leaves.items(), slopes, strict=True)
            }

        # Each utterance is a population of its own, so that what is drawn for it does not depend on the others.
        moved = attack(
            uphill,
            {name: x.unsqueeze(1) for name, x in model.preparation(tokens, present).items()},
            {name: x.unsqueeze(1) for name, x in present.items()},
            radius=torch.full((len(ids),), float(radius)),
            steps=ATTACKS[condition],
            seeds=seeds,
            step=0,
        )
        with torch.inference_mode():
            scored.append(answer({name: x.squeeze(1) for name, x in moved.items()}, present).numpy())
    return np.concatenate(scored)
