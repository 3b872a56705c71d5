"""The nested choice by the mean of the seeds and by their ensemble, side by side in all that is reported."""

from dataclasses import replace

import pandas as pd
import pytest
from emoflow.artifacts.model import PREDICTIONS
from emoflow.artifacts.search import Best, OtherChoice
from emoflow.errors import EvaluationError
from emoflow.evaluation.answer import answer
from emoflow.evaluation.evaluate import measure
from emoflow.evaluation.report import page
from emoflow.evaluation.summary import table
from emoflow.evaluation.tables import headline
from emoflow.stages.evaluate import read
from fabricated_experiment import experiment
from rich.console import Console

SKILL = {"audio": 0.5, "face": 0.45, "late-average": 0.7}
NAME = "chosen-by-ensemble"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """By the ensemble of the seeds every fold would have chosen the weaker strategy of sound."""
    root = tmp_path_factory.mktemp("both")
    experiment(root, skill=SKILL, speakers=6, clips=2, folds=3, seeds=1)
    best = Best.read(root)
    first = dict.fromkeys(best.per_fold_best, "audio")
    other = OtherChoice(choose_by="ensemble", per_fold_best=first, folds=best.strategies["audio"].folds)
    best.model_copy(update={"other": other}).write(root)
    rows = PREDICTIONS.read(root)
    PREDICTIONS.write(pd.concat([rows, rows[rows["strategy"] == "audio"].assign(strategy=NAME)]), root)
    return root


def test_both_figures_are_reported_and_the_other_takes_part_in_nothing_else(root):
    inputs = read(["control"], root)
    metrics = measure(inputs, seed=7)[0]
    assert metrics.chosen.choose_by == "mean"
    assert metrics.chosen.other.model_dump() == {
        "choose_by": "ensemble",
        "strategy": NAME,
        "per_fold": dict.fromkeys(range(3), "audio"),
    }
    figures = metrics.strategies
    assert figures[NAME].ua == figures["audio"].ua != figures["chosen"].ua
    assert {each.second for each in metrics.comparisons} == {"audio", "face"}
    assert headline(metrics).ua_nested == figures["chosen"].ua.mean

    said = answer(metrics)
    own, other = (f"{100 * figures[name].ua.mean:.1f}" for name in ("chosen", NAME))
    assert f"reaches UA {own}" in said and " by the mean of the seeds, and " + other in said
    html = page(metrics, best=inputs.best, trials=inputs.trials)
    assert "would have chosen by the ensemble of the seeds" in html
    console = Console(width=200)
    with console.capture() as captured:
        console.print(table(metrics))
    assert f"{NAME}: chosen likewise by the ensemble of the seeds" in captured.get()


def test_predictions_by_another_rule_are_refused(root):
    inputs = read(["control"], root)
    other = inputs.best.other.model_copy(update={"choose_by": "mean"})
    best = inputs.best.model_copy(update={"other": other})
    with pytest.raises(EvaluationError, match=r"another search\.choose_by; run `train` again"):
        measure(replace(inputs, best=best), seed=7)
