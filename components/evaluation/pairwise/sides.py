"""The two experiments that are compared, and the utterances that both were tested on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...artifacts.folds import Folds
from ...errors import EvaluationError, listed
from ..predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Side:
    """One of two experiments.

    Attributes:
        name: as the user named it. source: what that is, in words: a commit, a run.
        protocol: what its folds follow. folds: the fold table.
        predictions: on its test folds.
        registered: its registered strategy.
        params: those that its stages ran with, flat: ``search.epochs`` → ``40``.
    """

    name: str
    source: str
    protocol: Folds
    folds: "pd.DataFrame"
    predictions: Predictions
    registered: str
    params: Mapping[str, str]


def on_common_utterances(a: Side, b: Side, *, common: bool) -> tuple[Predictions, Predictions]:
    """Both experiments' predictions for the utterances that both were tested on, in one order.

    Args:
        a, b: the experiments.
        common: whether experiments of one protocol whose folds differ are compared at all.

    Returns:
        Predictions of A and of B, with the same utterances, labels and speakers in the same places.

    Raises:
        EvaluationError: they are of different protocols, classes, folds, labels or speakers, or have no utterance in
            common.
    """
    both = f"{a.name} and {b.name} cannot be compared"
    if a.protocol.protocol != b.protocol.protocol:
        raise EvaluationError(
            f"{both}: {a.name} follows the protocol {a.protocol.protocol}, {b.name} {b.protocol.protocol}; set "
            "`protocol` in params.yaml to the same one and run `dvc repro`"
        )
    if a.predictions.classes != b.predictions.classes:
        raise EvaluationError(
            f"{both}: the classes of {a.name} are {listed(a.predictions.classes, 20)}, those of {b.name} "
            f"{listed(b.predictions.classes, 20)}; set `label_space` in params.yaml to the same one and run `dvc repro`"
        )
    if a.protocol.digest == b.protocol.digest:
        _same_rows(a, b, a.predictions, b.predictions)
        return a.predictions, b.predictions
    shared = np.intersect1d(a.predictions.utterance_ids, b.predictions.utterance_ids)
    if not len(shared):
        raise EvaluationError(f"{both}: not one utterance was tested by both")
    if not common:
        raise EvaluationError(
            f"{both}: their folds differ, though the protocol {a.protocol.protocol} is the same ({a.name} tests "
            f"{len(a.predictions.utterance_ids):,} utterances, {b.name} {len(b.predictions.utterance_ids):,}, "
            f"{len(shared):,} are common): other recordings, exclusions, speakers or another seed. To compare them on "
            "the common utterances, where other training rows are part of the difference, add --common"
        )
    restricted = _restricted(a, shared), _restricted(b, shared)
    _same_rows(a, b, *restricted)
    return restricted


def _restricted(side: Side, shared: np.ndarray) -> Predictions:
    """The predictions for these utterances, which are sorted by id."""
    predictions = side.predictions
    ids, first, counts = np.unique(predictions.utterance_ids, return_index=True, return_counts=True)
    if (counts > 1).any():
        raise EvaluationError(
            f"{side.name} tests {int((counts > 1).sum()):,} utterances in several folds, so experiments with other "
            "folds cannot be compared with it"
        )
    rows = first[np.searchsorted(ids, shared)]
    kept, speaker = np.unique(predictions.speaker[rows], return_inverse=True)
    numbers, fold = np.unique(predictions.fold[rows], return_inverse=True)
    return replace(
        predictions,
        utterance_ids=predictions.utterance_ids[rows],
        truth=predictions.truth[rows],
        speaker=speaker,
        speakers=tuple(predictions.speakers[code] for code in kept),
        fold=fold,
        folds=tuple(predictions.folds[code] for code in numbers),
        probabilities={name: values[:, rows] for name, values in predictions.probabilities.items()},
    )


def _same_rows(a: Side, b: Side, first: Predictions, second: Predictions) -> None:
    """Refuse utterances that have another label or speaker in the other experiment."""
    if not np.array_equal(first.utterance_ids, second.utterance_ids):
        raise EvaluationError(
            f"{a.name} and {b.name} cannot be compared: their folds have the same digest in data/folds.json and test "
            "other utterances; run `dvc repro folds` in both"
        )
    speakers = np.array(first.speakers)[first.speaker] != np.array(second.speakers)[second.speaker]
    for what, differs in (("label", first.truth != second.truth), ("speaker", speakers)):
        if differs.any():
            raise EvaluationError(
                f"{a.name} and {b.name} cannot be compared: {int(differs.sum()):,} utterances have another {what} in "
                f"one than in the other: {listed(first.utterance_ids[differs])}"
            )
