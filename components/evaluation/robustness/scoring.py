"""The models that scored the test folds, built again, and what they say of other features."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...artifacts.fold_models import FoldModels, weights
from ...artifacts.model import TUNED
from ...fusion.model import EmotionModel
from ...fusion.preparation import Preparation

BATCH = 64


def load(models: FoldModels, fold: int, root: Path = Path()) -> EmotionModel:
    """The model that scored a test fold.

    Args:
        models: what ``data/fold_models/models.json`` states.
        fold: its number.
        root: the workspace.
    """
    from safetensors.torch import load_file

    held = models.folds[fold]
    model = EmotionModel.empty(
        models.strategy,
        held.config,
        members=len(held.seeds),
        classes=len(models.classes),
        preparation=Preparation.from_description(held.preparation),
        by_prompts=models.by_prompts,
    )
    state = load_file(weights(fold, root))
    model.load_state_dict({name: x for name, x in state.items() if not name.startswith(TUNED)})
    return model


def probabilities(model: EmotionModel, rows: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray:
    """What a model says of utterances.

    Args:
        model: a fold's.
        rows: for each of N utterances its tokens, ``{modality: [T, D]}``, or ``[K, T, D]`` where each of K members has
            encoders of its own; a missing modality is left out.

    Returns:
        float64 ``[N, C]``.
    """
    scored = []
    for at in range(0, len(rows), BATCH):
        tokens, present = padded(model, rows[at : at + BATCH])
        with torch.inference_mode():
            scored.append(model(tokens, present).double().numpy())
    return np.concatenate(scored)


def padded(
    model: EmotionModel, rows: Sequence[Mapping[str, np.ndarray]]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """B utterances as a model takes them: tokens ``{modality: [B, T, D]}`` and which there are, bool ``[B, T]``.

    Where each of K members has encoders of its own, tokens are ``[K, B, T, D]``.
    """
    tokens, present = {}, {}
    for name, plans in model.preparation.plans.items():
        held = [row[name].shape for row in rows if name in row]
        longest = max((shape[-2] for shape in held), default=1)
        members = held[0][:-2] if held else ()
        tokens[name] = torch.zeros(*members, len(rows), longest, sum(plan.dimensions for plan in plans))
        present[name] = torch.zeros(len(rows), longest, dtype=torch.bool)
        for k, row in enumerate(rows):
            if name in row:
                length = row[name].shape[-2]
                tokens[name][..., k, :length, :] = torch.from_numpy(row[name])
                present[name][k, :length] = True
    return tokens, present
