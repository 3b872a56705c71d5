"""The section of the report: what it says where figures are missing, and where nobody knows who speaks."""

import pytest
from emoflow.artifacts.reports import Metrics
from emoflow.evaluation.evaluate import measure
from emoflow.evaluation.report import page
from emoflow.stages.evaluate import read
from fabricated_experiment import experiment

SPEAKERS = "without the speakers that this fold tests"
SCALED = "The temperature and the threshold of the prediction sets"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    inputs = read(["control"], experiment(tmp_path_factory.mktemp("experiment")).parent)
    return inputs, measure(inputs, seed=7)[0]


def section(inputs, metrics: Metrics) -> str:
    text = page(metrics, best=inputs.best, trials=inputs.trials)
    return text.partition("How far to trust a probability")[2].partition("</section>")[0]


def without_others(metrics: Metrics, **counts) -> Metrics:
    held = {
        name: each.model_copy(update={"scaled": None, "sets": None})
        for name, each in metrics.probabilities.items()
    }
    return metrics.model_copy(
        update={"probabilities": held, "counts": metrics.counts.model_copy(update=counts)}
    )


def test_every_strategy_but_baselines_has_a_row(done):
    inputs, metrics = done
    text = section(inputs, metrics)
    assert "majority" not in text and all(f"<td>{name}</td>" in text for name in metrics.probabilities)
    assert SCALED in text and SPEAKERS in text and "missing" not in text
    assert text.count(" classes</span>") == 6 and text.count("1 class</span>") == 1


@pytest.mark.parametrize(
    ("folds", "why"), [(1, "there is one fold"), (4, "the folds test the same speakers")]
)
def test_what_cannot_be_fitted_is_missing_with_the_reason(folds, why, done):
    inputs, metrics = done
    text = section(inputs, without_others(metrics, folds=folds))
    assert f"other folds and other speakers: {why}." in text and SCALED not in text
    assert "Prediction sets for" not in text and "Reliability diagram" in text


def test_nobody_speaks_of_speakers_whom_nobody_knows(done):
    inputs, metrics = done
    counts = metrics.counts.model_copy(update={"speakers": 0, "nameless": metrics.counts.utterances})
    text = section(inputs, metrics.model_copy(update={"counts": counts}))
    assert SCALED in text and SPEAKERS not in text
