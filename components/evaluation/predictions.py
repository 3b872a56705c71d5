"""The test predictions, joined to their folds by utterance id, each exactly once; and what they are worth."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..artifacts.model import PROBABILITY
from ..artifacts.reports import DivergedRefit
from ..errors import EvaluationError, listed

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Predictions:
    """Every strategy's probabilities for the same N test utterances, which are sorted by fold and utterance id.

    ``probabilities[strategy]`` is ``[seeds, N, C]`` (float64), NaN in the folds in which a seed diverged; truth,
    speaker and fold are codes ``[N]``.
    """

    classes: tuple[str, ...]
    seeds: tuple[int, ...]
    utterance_ids: np.ndarray
    truth: np.ndarray
    speaker: np.ndarray
    speakers: tuple[str, ...]
    fold: np.ndarray
    folds: tuple[int, ...]
    probabilities: dict[str, np.ndarray]

    @property
    def strategies(self) -> tuple[str, ...]:
        return tuple(self.probabilities)

    def of_model(self, strategy: str) -> np.ndarray:
        """Probabilities ``[N, C]`` of the model: the mean over the seeds that it has."""
        mean: np.ndarray = np.nanmean(self.probabilities[strategy], axis=0)
        return mean

    def predicted(self, strategy: str) -> np.ndarray:
        """Class codes ``[N]`` of the model."""
        codes: np.ndarray = self.of_model(strategy).argmax(-1)
        return codes

    def predicted_by_seed(self, strategy: str) -> np.ndarray:
        """Class codes ``[seeds, N]`` of each seed on its own; 0 where it diverged (`scored`)."""
        codes: np.ndarray = self.probabilities[strategy].argmax(-1)
        return codes

    def scored(self, strategy: str) -> np.ndarray:
        """Boolean ``[seeds, N]``: whether the seed predicted the utterance; False where it diverged in its fold."""
        scored: np.ndarray = ~np.isnan(self.probabilities[strategy][..., 0])
        return scored

    def diverged(self, strategy: str) -> list[DivergedRefit]:
        """The refits that diverged."""
        scored = self.scored(strategy)
        return [
            DivergedRefit(fold=number, seed=seed)
            for k, number in enumerate(self.folds)
            for seed, row in zip(self.seeds, scored, strict=True)
            if not row[self.fold == k].all()
        ]


def join(folds: "pd.DataFrame", predictions: "pd.DataFrame", classes: list[str]) -> Predictions:
    """Join predictions to the test rows of the folds.

    Args:
        folds: fold, utterance_id, speaker, label, role (see ``data/folds.parquet``).
        predictions: utterance_id, fold, seed, strategy, label and a column ``p_<class>`` for each class, which is null
            for all utterances of a fold where a strategy's seed diverged.

    Raises:
        EvaluationError: where an utterance is missing, is predicted twice or is not of its test fold, a label is
            another one, the probabilities are none, or a strategy has no seed left in a fold.
    """
    import pandas as pd

    columns = [PROBABILITY + name for name in classes]
    lacking = [
        c for c in ("utterance_id", "fold", "seed", "strategy", "label", *columns) if c not in predictions
    ]
    if lacking:
        raise EvaluationError(
            f"the predictions have no column {listed(lacking)}; the classes of the folds are {listed(classes, 20)}: "
            "run the stage `train` again"
        )
    test = folds[folds["role"] == "test"].sort_values(["fold", "utterance_id"], ignore_index=True)
    if test.empty or predictions.empty:
        which = "the folds hold no test rows" if test.empty else "there are no predictions"
        raise EvaluationError(f"{which}: nothing can be evaluated")

    rows = pd.MultiIndex.from_frame(test[["fold", "utterance_id"]])
    place = rows.get_indexer(pd.MultiIndex.from_frame(predictions[["fold", "utterance_id"]]))
    _refuse(predictions[place < 0], "predicted, but not in the test of that fold")
    expected = test["label"].to_numpy()[place]
    _refuse(predictions[predictions["label"].to_numpy() != expected], "labelled otherwise than in the folds")
    values = predictions[columns].to_numpy(float)
    wrong = ~_diverged(predictions, values) & ~(
        np.isfinite(values).all(1) & (values >= 0).all(1) & (np.abs(values.sum(1) - 1) < 1e-3)
    )
    _refuse(
        predictions[wrong], "whose probabilities are no distribution (negative, NaN, or not adding up to 1)"
    )
    unknown = sorted(set(test["label"]) - set(classes))
    if unknown:
        raise EvaluationError(
            f"the folds hold labels that are no class: {listed(unknown)}; run `folds` again"
        )

    strategies = sorted(predictions["strategy"].unique())
    seeds = sorted(int(seed) for seed in predictions["seed"].unique())
    cell = (
        pd.Index(strategies).get_indexer(predictions["strategy"]) * len(seeds)
        + pd.Index(seeds).get_indexer(predictions["seed"])
    ) * len(test) + place
    counts = np.bincount(cell, minlength=len(strategies) * len(seeds) * len(test))
    _each_once(counts.reshape(len(strategies), len(seeds), len(test)), strategies, seeds, test)

    flat = np.empty((len(counts), len(classes)))
    flat[cell] = values
    tensor = flat.reshape(len(strategies), len(seeds), len(test), len(classes))
    _some_seed(tensor, strategies, test)
    speakers, fold_names = sorted(test["speaker"].unique()), sorted(test["fold"].unique())
    return Predictions(
        classes=tuple(classes),
        seeds=tuple(seeds),
        utterance_ids=test["utterance_id"].to_numpy(str),
        truth=pd.Index(classes).get_indexer(test["label"]),
        speaker=pd.Index(speakers).get_indexer(test["speaker"]),
        speakers=tuple(speakers),
        fold=pd.Index(fold_names).get_indexer(test["fold"]),
        folds=tuple(int(fold) for fold in fold_names),
        probabilities=dict(zip(strategies, tensor, strict=True)),
    )


def _refuse(rows: "pd.DataFrame", what: str) -> None:
    if len(rows):
        named = (f"{r.utterance_id} (fold {r.fold}, {r.strategy})" for r in rows.itertuples())
        raise EvaluationError(f"{len(rows)} predictions {what}: {listed(named)}; run the stage `train` again")


def _diverged(predictions: "pd.DataFrame", values: np.ndarray) -> np.ndarray:
    """Boolean, per row: null in all classes, as are all other rows of the same strategy, fold and seed."""
    null = predictions[["strategy", "fold", "seed"]].assign(null=np.isnan(values).all(1))
    diverged: np.ndarray = null.groupby(["strategy", "fold", "seed"])["null"].transform("all").to_numpy()
    return diverged


def _some_seed(probabilities: np.ndarray, strategies: list[str], test: "pd.DataFrame") -> None:
    """Refuse a strategy of which no seed is left in a fold; probabilities are ``[K, seeds, N, C]``."""
    lost = np.isnan(probabilities).all((1, 3))
    found = [
        f"{name}, fold {fold}"
        for name, rows in zip(strategies, lost, strict=True)
        for fold in sorted(test["fold"][rows].unique())
    ]
    if found:
        raise EvaluationError(
            f"every seed diverged in the refit of {listed(found)}: leave the strategy out of search.strategies in "
            "params.yaml, and run the stage `search` again"
        )


def _each_once(counts: np.ndarray, strategies: list[str], seeds: list[int], test: "pd.DataFrame") -> None:
    """Refuse a (strategy, seed) that has a test utterance never or more than once; counts are ``[K, seeds, N]``."""
    faults = []
    for (k, s), row in ((index, counts[index]) for index in np.ndindex(counts.shape[:2])):
        for name, at in (("lacks", row == 0), ("has more than once", row > 1)):
            if at.any():
                ids = listed(test["utterance_id"][at])
                faults.append(
                    f"{strategies[k]}, seed {seeds[s]}, {name} {int(at.sum())} of {len(test)}: {ids}"
                )
    if faults:
        raise EvaluationError(
            "each test utterance must be predicted exactly once by each strategy and seed. "
            + "; ".join(faults[:5])
            + (f"; and {len(faults) - 5} more such" if len(faults) > 5 else "")
            + ". Run the stage `train` again"
        )
