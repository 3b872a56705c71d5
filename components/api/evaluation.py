"""Evaluation of test predictions, of emoflow's models or anyone's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..evaluation import intervals
from ..evaluation.metrics import LOWEST, METRICS
from ..evaluation.predictions import join
from ..evaluation.scores import by_speaker
from .corpora import Folds

if TYPE_CHECKING:
    import pandas as pd


def evaluate(predictions: pd.DataFrame, folds: Folds) -> pd.DataFrame:
    """Figures of each strategy, pooled over the test utterances, with 95 % intervals over speakers.

    Args:
        predictions: ``utterance_id, fold, seed, strategy, label`` and a column ``p_<class>`` per class; every strategy
            predicts every test utterance of the folds that occur, once per seed. Probabilities are averaged over seeds.
        folds: what the predictions were made under; of folds that do not occur, nothing is asked.

    Returns:
        One row per strategy, sorted by UA: ``wa, ua, macro_f1, wf1`` from 0 to 1 and ``mcc`` from -1 to 1, each with
        ``_low`` and ``_high`` (None where the speakers are too few to tell). Intervals are by the jackknife over
        speakers with Student's t.

    Raises:
        EvaluationError: predictions that do not fit the folds: missing, twice, other labels, not a distribution.
    """
    import pandas as pd

    table = folds.table[folds.table["fold"].isin(predictions["fold"].unique())]
    joined = join(table, predictions, list(folds.classes))
    rows = []
    for strategy, counts in by_speaker(joined).items():
        row = {"strategy": strategy}
        for name, metric in METRICS.items():
            interval = intervals.of_figure(metric, counts, lowest=LOWEST[name])
            row |= {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
        rows.append(row)
    return pd.DataFrame(rows).set_index("strategy").sort_values("ua", ascending=False)
