"""The models that scored the test folds, built again, and what they say of other features."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...artifacts.fold_models import FoldModels, weights
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
    model.load_state_dict(load_file(weights(fold, root)))
    return model


def probabilities(model: EmotionModel, rows: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray:
    """What a model says of utterances.

    Args:
        model: a fold's.
        rows: for each of N utterances its tokens, ``{modality: [T, D]}``; a missing modality is left out.

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
    """B utterances as a model takes them: tokens ``{modality: [B, T, D]}`` and which there are, bool ``[B, T]``."""
    tokens, present = {}, {}
    for name, plans in model.preparation.plans.items():
        longest = max((len(row[name]) for row in rows if name in row), default=1)
        tokens[name] = torch.zeros(len(rows), longest, sum(plan.dimensions for plan in plans))
        present[name] = torch.zeros(len(rows), longest, dtype=torch.bool)
        for k, row in enumerate(rows):
            if name in row:
                tokens[name][k, : len(row[name])] = torch.from_numpy(row[name])
                present[name][k, : len(row[name])] = True
    return tokens, present
