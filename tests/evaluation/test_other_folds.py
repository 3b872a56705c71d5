"""Search, training and evaluation on folds that are not k of a kind: one alone, and validation that is the test."""

from pathlib import Path

import pandas as pd
import pytest
from documents import nothing_planted, protocol
from emoflow.artifacts.model import ModelCard
from emoflow.artifacts.reports import Metrics
from emoflow.files import write_table
from emoflow.schema import UTTERANCE_COLUMNS
from emoflow.stages import evaluate, robustness, search, train
from in_process import run_stages
from planted_experiment import CLASSES, lay_out

pytestmark = pytest.mark.slow

INFLATED = "validation is the test"


def one_fold(folds: pd.DataFrame) -> pd.DataFrame:
    return folds[folds["fold"] == 0]


def validation_is_test(folds: pd.DataFrame) -> pd.DataFrame:
    folds = folds.assign(role=folds["role"].where(folds["role"] == "test", "train"))
    twice = folds[folds["role"] == "test"].assign(role="validation")
    return pd.concat([folds, twice]).sort_values(["fold", "utterance_id", "role"], ignore_index=True)


def put(root: Path, folds: pd.DataFrame, *, inflated: str | None) -> None:
    """What the stages before would have left beside the planted features."""
    write_table(root / "data/folds.parquet", folds)
    name = "small.other" + (" (inflated)" if inflated else "")
    protocol(protocol=name, classes=CLASSES, selection="Validation is what it is", inflated=inflated).write(
        root
    )
    rows = folds[["utterance_id", "speaker", "label"]].drop_duplicates("utterance_id")
    table = rows.assign(corpus="control").reindex(columns=list(UTTERANCE_COLUMNS))
    write_table(root / "data/utterances/control.parquet", table)
    nothing_planted(root, "control")


@pytest.mark.parametrize(
    ("made", "inflated", "count"),
    [(one_fold, None, 1), (validation_is_test, INFLATED, 3)],
    ids=["one", "twice"],
)
def test_the_stages_go_through(tmp_path, made, inflated, count):
    lay_out(tmp_path, strategies=["audio", "late-weighted"])
    folds = made(pd.read_parquet(tmp_path / "data/folds.parquet"))
    put(tmp_path, folds, inflated=inflated)
    run_stages(tmp_path, search, train, robustness, evaluate)

    tested = folds[folds["role"] == "test"]
    predictions = pd.read_parquet(tmp_path / "data/predictions.parquet")
    held = predictions[(predictions["strategy"] == "audio") & (predictions["seed"] == 0)]
    assert sorted(held["utterance_id"]) == sorted(tested["utterance_id"])
    assert ModelCard.read(tmp_path).protocol.endswith("(inflated)") == bool(inflated)
    metrics = Metrics.read(tmp_path)
    assert (metrics.counts.folds, metrics.counts.utterances) == (count, len(tested))
    assert [alarm.alarm for alarm in metrics.alarms] == (["inflated"] if inflated else [])
    assert metrics.strategies["audio"].fold_mean["ua"].sd is None or count > 1
    assert metrics.excluded.never_tested == len(set(folds["utterance_id"])) - len(tested)
    page = (tmp_path / "reports/index.html").read_text()
    assert metrics.protocol in page
