"""UA under each condition, and what is lost against the recordings as they are."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...artifacts.model import PROBABILITY
from ...artifacts.reports import ConditionFigures, Interval, LevelFigures, Robustness
from ...artifacts.robustness import RobustnessNotes
from ...errors import EvaluationError
from ...schema import CONDITIONS
from .. import intervals
from ..ceilings import subset_name
from ..contributions.coalitions import Coalitions
from ..contributions.figures import counts_without, shapley
from ..metrics import METRICS, confusion_by
from ..predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd

UA = METRICS["ua"]


@dataclass(frozen=True)
class _Given:
    """What the strategy says given subsets of its modalities.

    Attributes:
        table: of worse recordings, see `artifacts.robustness.PERTURBED`; ``place``: of each row among the predictions.
        coalitions: of the recordings as they are; None where the strategy takes one modality.
    """

    table: "pd.DataFrame"
    coalitions: Coalitions | None

    def shapley(
        self, condition: str, level: float, drawn: np.ndarray, predictions: Predictions
    ) -> dict[str, Interval]:
        """By modality, on the utterances ``drawn``, where the condition changes some of the modalities."""
        held = self.coalitions
        own = self.table[(self.table["condition"] == condition) & (self.table["level"] == level)]
        modalities = _changed(own)
        if held is None or not modalities:
            return {}
        bits = sum(1 << held.modalities.index(name) for name in modalities)
        probabilities, guessed = held.probabilities.copy(), held.guessed.copy()
        columns = [PROBABILITY + label for label in predictions.classes]
        for k in range(1, len(probabilities)):
            if k & bits:
                rows = own[own["modalities"] == held.name(k)]
                probabilities[k, drawn], guessed[k, drawn] = 1 / len(columns), True
                probabilities[k, rows["place"]], guessed[k, rows["place"]] = rows[columns], False
        return shapley(replace(held, probabilities=probabilities, guessed=guessed), predictions, drawn)


def of_conditions(
    predictions: Predictions,
    strategy: str,
    table: "pd.DataFrame | None",
    notes: RobustnessNotes | None,
    *,
    coalitions: Coalitions | None = None,
) -> Robustness | None:
    """The registered strategy under each condition.

    Args:
        predictions: of every strategy, of the recordings as they are.
        strategy: the registered one.
        table: of worse recordings, see `artifacts.robustness.PERTURBED`.
        notes: what there is to say beside the table.
        coalitions: the strategy's predictions with each subset of its modalities; None where it looks at one.

    Returns:
        None where nothing was to be tested.

    Raises:
        EvaluationError: the table holds rows that are in no test fold, or other rows at one level than at another.
    """
    if table is None or notes is None or (table.empty and not notes.left_out):
        return None
    by_subset = table.assign(place=_places(table, predictions))
    everything = max(table["modalities"].unique(), key=lambda name: str(name).count("+"), default="")
    table = by_subset[by_subset["modalities"] == everything]
    at = table["place"].to_numpy()
    drawn = np.unique(at) if len(at) else np.arange(len(predictions.truth))
    clean = _counts(predictions, drawn, predictions.predicted(strategy)[drawn])
    conditions = {
        name: _condition(
            name, table[rows], at[rows], drawn, clean, predictions, _Given(by_subset, coalitions), notes
        )
        for name in CONDITIONS
        if (rows := (table["condition"] == name).to_numpy()).any()
    }
    return Robustness(
        utterances=len(drawn),
        speakers=len(clean),
        clean=intervals.of_figure(UA, clean),
        shapley=shapley(coalitions, predictions, drawn) if coalitions else {},
        conditions=conditions,
        without={
            subset_name(names): intervals.of_figure(UA, counts_without(coalitions, predictions, names, drawn))
            for names in sorted({tuple(each.changes) for each in conditions.values() if each.changes})
            if coalitions and set(names) < set(coalitions.modalities)
        },
        left_out=dict(notes.left_out),
        word_reference=next((each.reference for each in notes.word_errors), None),
    )


def _places(table: "pd.DataFrame", predictions: Predictions) -> np.ndarray:
    """Where each row's utterance is among the predictions ``[N]``."""
    import pandas as pd

    numbers = np.array(predictions.folds)[predictions.fold]
    known = pd.MultiIndex.from_arrays([numbers, predictions.utterance_ids])
    at: np.ndarray = known.get_indexer(pd.MultiIndex.from_frame(table[["fold", "utterance_id"]]))
    if (at < 0).any():
        raise EvaluationError(
            f"{int((at < 0).sum())} rows of worse recordings are of no test utterance; run the stage `robustness` again"
        )
    return at


def _counts(predictions: Predictions, at: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Confusion counts ``[S, C, C]`` of the speakers of some utterances."""
    _, speaker = np.unique(predictions.speaker[at], return_inverse=True)
    return confusion_by(
        speaker,
        predictions.truth[at],
        predicted,
        groups=int(speaker.max()) + 1,
        classes=len(predictions.classes),
    )


def _condition(
    name: str,
    rows: "pd.DataFrame",
    at: np.ndarray,
    drawn: np.ndarray,
    clean: np.ndarray,
    predictions: Predictions,
    given: _Given,
    notes: RobustnessNotes,
) -> ConditionFigures:
    columns = [PROBABILITY + label for label in predictions.classes]
    predicted = rows[columns].to_numpy(float).argmax(1)
    levels, worse = [], []
    rates = {each.level: each.rate for each in notes.word_errors if each.condition == name}
    for level in sorted(rows["level"].unique(), reverse=CONDITIONS[name].falling):
        own = (rows["level"] == level).to_numpy()
        order = np.argsort(at[own])
        if not np.array_equal(at[own][order], drawn):
            raise EvaluationError(
                f"{name} at {level:g} is not of the utterances that were drawn; run the stage `robustness` again"
            )
        counts = _counts(predictions, drawn, predicted[own][order])
        worse.append(counts)
        levels.append(
            LevelFigures(
                level=float(level),
                ua=intervals.of_figure(UA, counts),
                loss=intervals.of_difference(UA, clean, counts),
                unusable=int(rows["unusable"].to_numpy(bool)[own].sum()),
                shapley=given.shapley(name, float(level), drawn, predictions),
                word_error_rate=rates.get(float(level)),
            )
        )
    # The levels one below the other, as `of_difference` takes confusion counts.
    side_by_side = np.concatenate(worse, axis=1)
    repeated = np.concatenate([clean] * len(worse), axis=1)
    known = CONDITIONS[name]
    return ConditionFigures(
        modality=known.modality,
        changes=_changed(rows),
        unit=known.unit,
        levels=levels,
        mean_loss=intervals.of_difference(_mean_ua, repeated, side_by_side),
    )


def _changed(rows: "pd.DataFrame") -> list[str]:
    """The strategy's modalities that a condition changed, of its rows."""
    (names,) = rows["changed"].unique()
    return names.split("+") if names else []


def _mean_ua(counts: np.ndarray) -> np.ndarray:
    """Mean UA over L levels: confusion counts ``[..., L · C, C]`` → ``[...]``."""
    classes = counts.shape[-1]
    levels = counts.reshape(*counts.shape[:-2], -1, classes, classes)
    mean: np.ndarray = UA(levels).mean(-1)
    return mean
