"""Generalised zero-shot: how seen and unseen classes fare where both compete (Xian et al. 2019, section 5.2)."""

import numpy as np

from ..artifacts.reports import Interval, SeenUnseen, ZeroShot
from . import intervals
from .metrics import recalls
from .predictions import Predictions

HOW = (
    "Every class is scored by its prompts (baselines apart): the cosine, with what the class is called, of a clip's "
    "words for one half, and of its other modalities for the other. Configuration and epochs were chosen by the seen "
    "classes' own classifier."
)


def figures(predictions: Predictions, unseen: list[str], counts: dict[str, np.ndarray]) -> ZeroShot | None:
    """For each strategy the mean recall of the seen and of the unseen classes, and their harmonic mean.

    Args:
        predictions: of every strategy.
        unseen: the classes that nothing was learned of.
        counts: strategy → confusion counts ``[S, C, C]`` of each speaker, see `scores.by_speaker`.

    Returns:
        The figures, from 0 to 1, with 95 % intervals over speakers; None where no class is unseen.
    """
    if not unseen:
        return None
    new = np.isin(predictions.classes, unseen)

    def interval(by_speaker: np.ndarray, kind: str) -> Interval:
        return intervals.of_figure(lambda confusion: _seen_unseen(confusion, new)[kind], by_speaker)

    return ZeroShot(
        unseen=unseen,
        chance=1 / len(predictions.classes),
        how=HOW,
        strategies={
            name: SeenUnseen(
                seen=interval(counts[name], "seen"),
                unseen=interval(counts[name], "unseen"),
                harmonic=interval(counts[name], "harmonic"),
            )
            for name in predictions.strategies
        },
    )


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
