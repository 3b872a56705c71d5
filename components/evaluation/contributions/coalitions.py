"""A strategy's test predictions with each subset of its modalities."""

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ...artifacts.model import PROBABILITY
from ...errors import EvaluationError, listed
from ..ceilings import subset_name
from ..predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Coalitions:
    """One strategy's probabilities for N test utterances, given each subset of its M modalities.

    Attributes:
        modalities: sorted.
        probabilities: float64 ``[2^M, N, C]``; bit m of the first index says whether modality m is given. An utterance
            that has none of the given modalities is a guess: each class has 1 / C. So is each one of subset 0.
        guessed: bool ``[2^M, N]``: whether it is such a guess.
    """

    modalities: tuple[str, ...]
    probabilities: np.ndarray
    guessed: np.ndarray

    def having_all(self, index: int) -> np.ndarray:
        """Which utterances have all modalities of a subset: bool ``[N]``."""
        single = [~self.guessed[1 << m] for m in range(len(self.modalities)) if index >> m & 1]
        return np.asarray(np.all(single, axis=0))

    def name(self, index: int) -> str:
        """The subset at an index, as ``audio+text``."""
        return subset_name([each for m, each in enumerate(self.modalities) if index >> m & 1])


def of_strategies(predictions: Predictions, subsets: "pd.DataFrame") -> dict[str, Coalitions]:
    """The coalitions of each strategy of several modalities.

    Args:
        predictions: with all modalities.
        subsets: with fewer, see `artifacts.model.SUBSETS`.

    Raises:
        EvaluationError: the two are not of the same run.
    """
    import pandas as pd

    if subsets.empty:
        return {}
    unknown = sorted(set(subsets["strategy"]) - set(predictions.strategies))
    if unknown:
        raise _stale(f"holds {listed(unknown)}, which the predictions lack")
    lacking = [name for name in predictions.classes if PROBABILITY + name not in subsets]
    if lacking:
        raise _stale(f"lacks the classes {listed(lacking)}")
    tested = pd.MultiIndex.from_arrays(
        [np.array(predictions.folds)[predictions.fold], predictions.utterance_ids]
    )
    place = tested.get_indexer(pd.MultiIndex.from_frame(subsets[["fold", "utterance_id"]]))
    if (place < 0).any():
        raise _stale(f"holds utterances that are not tested: {listed(subsets['utterance_id'][place < 0])}")
    return {
        str(strategy): _coalitions(predictions, str(strategy), rows, place[rows.index])
        for strategy, rows in subsets.reset_index(drop=True).groupby("strategy")
    }


def _coalitions(
    predictions: Predictions, strategy: str, rows: "pd.DataFrame", place: np.ndarray
) -> Coalitions:
    modalities = tuple(sorted({each for name in rows["modalities"].unique() for each in name.split("+")}))
    utterances, classes = len(predictions.truth), len(predictions.classes)
    given = np.full((1 << len(modalities), utterances, classes), 1 / classes)
    guessed = np.ones(given.shape[:2], dtype=bool)
    values = rows[[PROBABILITY + name for name in predictions.classes]].to_numpy(float)
    wrong = ~(np.isfinite(values).all(1) & (values >= 0).all(1) & (np.abs(values.sum(1) - 1) < 1e-3))
    if wrong.any():
        raise _stale(
            f"holds probabilities of {strategy} that are no distribution: {listed(rows['utterance_id'][wrong])}"
        )
    bits = {name: 1 << m for m, name in enumerate(modalities)}
    index = rows["modalities"].map(lambda name: sum(bits[each] for each in name.split("+"))).to_numpy()
    if len(np.unique(index * utterances + place)) < len(rows):
        raise _stale(f"holds utterances of {strategy} more than once")
    given[index, place], guessed[index, place] = values, False
    given[-1], guessed[-1] = predictions.of_model(strategy), False
    singles = {name: ~guessed[bit] for name, bit in bits.items()}
    for size in range(2, len(modalities)):
        for subset in combinations(modalities, size):
            there = np.any([singles[name] for name in subset], axis=0)
            if not np.array_equal(there, ~guessed[sum(bits[name] for name in subset)]):
                raise _stale(f"lacks utterances of {strategy} with {subset_name(subset)} alone")
    return Coalitions(modalities, given, guessed)


def _stale(what: str) -> EvaluationError:
    return EvaluationError(f"the table of subsets of modalities {what}; run the stage `train` again")
