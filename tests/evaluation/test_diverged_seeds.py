"""A seed that diverged in a fold is null there: left out of the means, counted, and shown."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from emoflow.artifacts.reports import Metrics
from emoflow.artifacts.search import Best
from emoflow.errors import EvaluationError
from emoflow.evaluation.evaluate import measure
from emoflow.evaluation.report import page
from emoflow.evaluation.summary import table
from emoflow.evaluation.variation import over_folds, paired
from emoflow.files import write_table
from emoflow.stages.evaluate import read
from fabricated_experiment import CLASSES, experiment
from rich.console import Console
from sklearn.metrics import balanced_accuracy_score

COLUMNS = [f"p_{label}" for label in CLASSES]
STRATEGY, SEED = "late-average", 2


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return experiment(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def data(whole, tmp_path) -> Path:
    return shutil.copytree(whole, tmp_path / "data")


def lose(data: Path, *, fold: int, seeds: tuple[int, ...] = (SEED,), rows: int | None = None) -> pd.DataFrame:
    """Make predictions of a strategy's seeds in a fold null, as the stage `train` does."""
    predictions = pd.read_parquet(data / "predictions.parquet")
    nested = Best.read(data.parent).per_fold_best[fold] == STRATEGY
    at = predictions["strategy"].isin([STRATEGY, "chosen"] if nested else [STRATEGY])
    at &= (predictions["fold"] == fold) & predictions["seed"].isin(seeds)
    predictions.loc[predictions.index[at][:rows], COLUMNS] = np.nan
    write_table(data / "predictions.parquet", predictions)
    return predictions


def measured(data: Path) -> Metrics:
    return measure(read(["control"], data.parent), seed=7)[0]


def right(rows: pd.DataFrame) -> float:
    return balanced_accuracy_score(rows["label"], np.array(CLASSES)[rows[COLUMNS].to_numpy().argmax(1)])


def test_the_mean_is_over_the_seeds_that_are_there(data):
    before = measured(data)
    rows = lose(data, fold=1)
    metrics = measured(data)
    figures = metrics.strategies[STRATEGY]
    assert [(each.fold, each.seed) for each in figures.diverged] == [(1, SEED)]
    assert metrics.counts.diverged == 1 and before.counts.diverged == 0
    assert metrics.strategies["audio"] == before.strategies["audio"]

    part = rows[(rows["strategy"] == STRATEGY) & rows["p_fear"].notna()]
    mean = part.groupby("utterance_id").agg({"label": "first"} | dict.fromkeys(COLUMNS, "mean"))
    assert figures.ua.mean == pytest.approx(right(mean))
    by_fold = [np.mean([right(one) for _, one in fold.groupby("seed")]) for _, fold in part.groupby("fold")]
    assert figures.over_folds["ua"].mean == pytest.approx(np.mean(by_fold))
    single = [right(one) for _, one in part.groupby("seed")]
    assert figures.single_seed["ua"].values == pytest.approx(single)


def test_strategies_are_compared_by_the_folds_means(data):
    lose(data, fold=1)
    metrics = measured(data)
    best, lost = metrics.strategies[metrics.best], metrics.strategies[STRATEGY]
    assert metrics.best != STRATEGY
    found = next(each for each in metrics.comparisons if each.second == STRATEGY)
    expected = best.over_folds["ua"].mean - lost.over_folds["ua"].mean
    assert found.folds.mean == pytest.approx(expected)
    assert found.folds.over == "folds" and 0 <= found.folds_p_corrected <= 1


def test_the_report_and_the_table_say_which(data):
    lose(data, fold=1)
    experiment_ = read(["control"], data.parent)
    metrics = measure(experiment_, seed=7)[0]
    said = f"1 refit diverged and is left out of the means over seeds: {STRATEGY} (fold 1, seed {SEED})"
    assert said in page(metrics, best=experiment_.best, trials=experiment_.trials)
    console = Console(width=300, record=True)
    console.print(table(metrics))
    assert said in " ".join(console.export_text().split())


def test_nulls_that_no_diverged_seed_explains_are_refused(data):
    lose(data, fold=1, rows=3)
    with pytest.raises(EvaluationError, match="whose probabilities are no distribution"):
        measured(data)


def test_a_strategy_without_a_seed_in_a_fold_is_refused(data):
    lose(data, fold=1, seeds=(0, 1, 2))
    with pytest.raises(EvaluationError, match=rf"every seed diverged in the refit of .*{STRATEGY}, fold 1"):
        measured(data)


def test_where_one_fold_is_all_the_seeds_that_both_have_are_paired():
    first, second = np.array([[0.5, 0.7, np.nan]]), np.array([[0.4, 0.5, 0.3]])
    result = over_folds(paired(first, second), ratio=0.5)
    assert (result.over, result.n) == ("seeds", 2) and result.mean == pytest.approx(0.15)
    nothing = over_folds(paired(first, np.array([[np.nan, np.nan, 0.3]])), ratio=0.5)
    assert nothing.low is None and nothing.p is None and nothing.mean == pytest.approx(0.3)
