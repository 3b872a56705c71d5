"""What each modality contributes to UA, with intervals over speakers, and to single predictions."""

from collections.abc import Collection, Sequence

import numpy as np

from ...artifacts.reports import Contributions, Interval
from .. import intervals
from ..ceilings import subset_name
from ..metrics import METRICS
from ..predictions import Predictions
from .coalitions import Coalitions
from .shapley import interactions, shapley_values

ua = METRICS["ua"]


def to_ua(coalitions: Coalitions, predictions: Predictions) -> Contributions:
    """Shapley values and interactions of UA. Nothing given is a guess, whose UA is 1 / C.

    Args:
        coalitions: of one strategy.
        predictions: whose test utterances they are.
    """
    counts, modalities = _counts(coalitions, predictions), coalitions.modalities
    pairs = interactions(ua(counts.sum(0)))
    return Contributions(
        subsets={
            coalitions.name(k): intervals.of_figure(ua, counts[:, k])
            for k in range(1, len(coalitions.probabilities))
        },
        guessed={
            coalitions.name(k): int(without.sum())
            for k, without in enumerate(coalitions.guessed)
            if k and without.any()
        },
        shapley=_shapley_of(counts, modalities),
        interactions={
            subset_name([modalities[i], modalities[j]]): intervals.of_signed(
                _interaction((i, j)), counts, bound=2.0
            )
            for i, j in pairs
        },
    )


def to_predictions(coalitions: Coalitions, rows: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Shapley values of the probability of one class for each of some utterances.

    Args:
        coalitions: of one strategy.
        rows: indices ``[n]`` of the utterances.
        classes: of each a class code ``[n]``.

    Returns:
        ``[n, M]``, which sum over the modalities to the probability minus 1 / C.
    """
    return shapley_values(coalitions.probabilities[:, rows, classes].T)


def shapley(coalitions: Coalitions, predictions: Predictions, rows: np.ndarray) -> dict[str, Interval]:
    """Shapley values of UA on some utterances, by modality.

    Args:
        coalitions: of one strategy.
        predictions: whose test utterances they are.
        rows: indices ``[n]`` of the utterances.
    """
    return _shapley_of(_counts(coalitions, predictions, rows), coalitions.modalities)


def _shapley_of(counts: np.ndarray, modalities: Sequence[str]) -> dict[str, Interval]:
    return {name: intervals.of_signed(_shapley(m), counts) for m, name in enumerate(modalities)}


def _shapley(modality: int) -> intervals.Metric:
    return lambda counts: shapley_values(ua(counts))[..., modality]


def _interaction(pair: tuple[int, int]) -> intervals.Metric:
    return lambda counts: interactions(ua(counts))[pair]


def counts_without(
    coalitions: Coalitions, predictions: Predictions, modalities: Collection[str], rows: np.ndarray
) -> np.ndarray:
    """Confusion counts ``[S, C, C]`` of the speakers of some utterances, given all modalities but some.

    Args:
        coalitions: of one strategy.
        predictions: whose test utterances they are.
        modalities: those that are not given; not all.
        rows: indices ``[n]`` of the utterances.
    """
    everything = len(coalitions.probabilities) - 1
    without = everything & ~sum(1 << coalitions.modalities.index(name) for name in modalities)
    return _counts(coalitions, predictions, rows)[:, without]


def _counts(coalitions: Coalitions, predictions: Predictions, rows: np.ndarray | None = None) -> np.ndarray:
    """Confusion counts ``[S, 2^M, C, C]`` of each speaker; a guess counts as 1 / C in each class.

    Args:
        rows: of these utterances ``[n]`` and their S speakers; None: of all.
    """
    classes, at = len(predictions.classes), np.arange(len(predictions.truth)) if rows is None else rows
    speakers, speaker = np.unique(predictions.speaker[at], return_inverse=True)
    counts = np.zeros((len(speakers), len(coalitions.probabilities), classes, classes))
    for k, (given, guessed) in enumerate(
        zip(coalitions.probabilities[:, at], coalitions.guessed[:, at], strict=True)
    ):
        answer = np.where(guessed[:, None], 1 / classes, np.eye(classes)[given.argmax(1)])
        np.add.at(counts[:, k], (speaker, predictions.truth[at]), answer)
    return counts
