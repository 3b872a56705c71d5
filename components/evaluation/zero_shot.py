"""Generalised zero-shot: how seen and unseen classes fare where both compete (Xian et al. 2019, section 5.2)."""

import numpy as np

from . import intervals
from .metrics import recalls
from .predictions import Predictions

HOW = (
    "Every class is scored by its prompts (baselines apart): the mean cosine, with what the class is called, of what a "
    "clip shows beside its words. Configuration and epochs were chosen by the seen classes' own classifier."
)

KINDS = ("seen", "unseen", "harmonic")


def figures(predictions: Predictions, unseen: list[str], counts: dict[str, np.ndarray]) -> dict | None:
    """For each strategy the mean recall of the seen and of the unseen classes, and their harmonic mean.

    ``{"unseen", "chance", "how", "strategies": {name: {"seen", "unseen", "harmonic": {"mean", "low", "high"}}}}``, from
    0 to 1, with 95 % intervals over speakers; None where no class is unseen. ``chance``: the recall of a guess among
    all classes.

    Args:
        unseen: the classes that nothing was learned of.
        counts: strategy → confusion counts ``[S, C, C]`` of each speaker, see `scores.by_speaker`.
    """
    if not unseen:
        return None
    new = np.isin(predictions.classes, unseen)
    strategies = {
        name: {
            kind: intervals.of_figure(
                lambda confusion, kind=kind: _seen_unseen(confusion, new)[kind], counts[name]
            ).as_dict()
            for kind in KINDS
        }
        for name in predictions.strategies
    }
    return {
        "unseen": unseen,
        "chance": 1 / len(predictions.classes),
        "how": HOW,
        "strategies": strategies,
    }


def _seen_unseen(counts: np.ndarray, new: np.ndarray) -> dict[str, np.ndarray]:
    """From confusion counts ``[..., C, C]``; a class without an utterance does not count."""
    recall = recalls(counts)
    seen, unseen = _mean(recall[..., ~new]), _mean(recall[..., new])
    both = seen + unseen
    harmonic = np.where(both > 0, 2 * seen * unseen / np.where(both > 0, both, 1.0), 0.0 * both)
    return {"seen": seen, "unseen": unseen, "harmonic": harmonic}


def _mean(recall: np.ndarray) -> np.ndarray:
    there = ~np.isnan(recall)
    total = np.where(there, recall, 0.0).sum(-1)
    return np.where(there.any(-1), total / np.maximum(there.sum(-1), 1), np.nan)
