"""Curves and areas against figures counted by hand, intervals, and what is said of them."""

from io import StringIO

import numpy as np
import pytest
from documents import protocol
from emoflow.evaluation.active_learning import figure
from emoflow.evaluation.active_learning.annotator import Answers
from emoflow.evaluation.active_learning.curves import LearningCurves, area, learning_curves, tidy
from emoflow.evaluation.active_learning.table import rendered, sentences
from planted_pool import planted, simulations, speakers
from rich.console import Console
from sklearn.metrics import auc, balanced_accuracy_score

NAMES = ["anger", "neutral", "sadness"]


def made_up(right: dict[str, list[float]]) -> tuple:
    """Simulations with predictions made up that are right so often: acquisition → shares at each point."""
    fold, *_ = planted()
    planned = simulations(
        fold, *(name for name in right if name != "random"), repeats=2, first=6, ask=10, rounds=2
    )
    generator = np.random.default_rng(0)
    truth = np.array(fold.test.target)
    answers = []
    for each in planned:
        draws = [generator.random(len(truth)) < share for share in right[each.acquisition]]
        answers.append(Answers([], [np.where(hit, truth, (truth + 1) % 3).tolist() for hit in draws]))
    return planned, answers, tidy(planned, answers, speakers(fold), classes=NAMES)


def curves(right: dict[str, list[float]]) -> LearningCurves:
    planned, _, table = made_up(right)
    return learning_curves(table, planned, protocol=protocol(classes=NAMES))


BETTER = {"random": [0.4, 0.5, 0.6], "entropy": [0.4, 0.8, 0.95]}


def test_figures_are_those_of_scikit_learn():
    planned, answers, table = made_up(BETTER)
    found = learning_curves(table, planned, protocol=protocol(classes=NAMES))
    scored = {
        (each.acquisition, each.repeat): [
            balanced_accuracy_score(each.test.target, codes) for codes in answer.predicted
        ]
        for each, answer in zip(planned, answers, strict=True)
    }
    assert found.labelled == [6, 16, 26]
    for name, curve in found.curves.items():
        both = [scored[name, start] for start in range(2)]
        np.testing.assert_allclose([each.mean for each in curve.ua], np.mean(both, axis=0))
        areas = [auc(found.labelled, each) / 20 for each in both]
        assert curve.area.mean == pytest.approx(np.mean(areas))
        assert curve.area.low < curve.area.mean < curve.area.high
    against = found.curves["entropy"].against_random
    differences = [
        (auc(found.labelled, scored["entropy", s]) - auc(found.labelled, scored["random", s])) / 20
        for s in range(2)
    ]
    np.testing.assert_allclose(against.by_start, differences)
    assert against.area.mean == pytest.approx(np.mean(differences))
    assert (found.speakers, found.utterances, found.starts) == (6, 150, 2)
    assert found.curves["random"].against_random is None


def test_the_area_is_that_of_the_trapezoids():
    assert area(np.array([0.0, 1.0, 1.0])) == pytest.approx(0.75)
    assert area(np.array([[0.5, 0.7], [0.2, 0.2]])).tolist() == pytest.approx([0.6, 0.2])


def test_the_table_has_a_row_for_each_prediction():
    _, _, table = made_up(BETTER)
    assert list(table.columns) == [
        "acquisition", "fold", "start", "labelled", "utterance_id", "speaker", "label", "predicted",
    ]  # fmt: skip
    assert len(table) == 2 * 2 * 3 * 150
    assert not table.duplicated(["acquisition", "fold", "start", "labelled", "utterance_id"]).any()


@pytest.mark.parametrize(
    ("entropy", "said"),
    [
        ([0.4, 0.9, 0.95], "helped: area"),
        ([0.4, 0.2, 0.1], "did harm: area"),
        ([0.4, 0.5, 0.6], "is not shown to have helped: area"),
    ],
)
def test_a_sentence_says_whether_asking_helped(entropy, said):
    (sentence,) = sentences(curves(BETTER | {"entropy": entropy}))
    assert sentence.startswith(f"Asking for the clips of highest predictive entropy {said}")


def test_table_and_picture(tmp_path):
    found = curves(BETTER | {"bald": [0.4, 0.6, 0.7]})
    out = StringIO()
    Console(file=out, width=200).print(rendered(found))
    for said in (
        "labelled clips",
        "entropy − random",
        "bald − random",
        "area under the curve",
        "2 starts each",
    ):
        assert said in out.getvalue()
    figure.write(tmp_path / "a.png", found)
    figure.write(tmp_path / "b.png", found)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert LearningCurves.model_validate_json(found.model_dump_json()) == found
