"""Transfer matrices: which experiments they are made of, their figures, and what is refused."""

from io import StringIO

import numpy as np
import pytest
from emoflow.artifacts.folds import FOLDS, Folds
from emoflow.artifacts.model import PREDICTIONS
from emoflow.errors import EvaluationError
from emoflow.evaluation.pairwise.sides import Side
from emoflow.evaluation.predictions import join
from emoflow.evaluation.transfer import figure
from emoflow.evaluation.transfer.matrix import TransferMatrix, cell, differing
from emoflow.evaluation.transfer.plan import OTHERS, plan
from emoflow.evaluation.transfer.table import rendered
from fabricated_experiment import experiment
from rich.console import Console


def planned(*corpora: str, others: bool = False) -> list:
    return plan(corpora, label_space="emotion7", within="kfold4", others=others)


@pytest.fixture(scope="module")
def side(tmp_path_factory):
    """A finished experiment, as if it had been run as planned."""
    root = tmp_path_factory.mktemp("experiment")
    experiment(root)
    folds, protocol = FOLDS.read(root), Folds.read(root)
    predictions = join(folds, PREDICTIONS.read(root), protocol.classes)

    def made(each, **changes) -> Side:
        params = {"search.epochs": "40", "corpora": str(list(each.corpora))} | {
            name: value for name, value in each.overrides.items() if name != "corpora"
        }
        return Side(each.name, "dvc exp", protocol, folds, predictions, "cross-attention", params | changes)

    return made


def test_every_corpus_with_every_other_and_with_itself():
    experiments = planned("a", "b")
    assert [(each.name, each.protocol, each.corpora) for each in experiments] == [
        ("transfer-a-to-a-emotion7", "kfold4", ("a",)),
        ("transfer-a-to-b-emotion7", "cross:a:b", ("a", "b")),
        ("transfer-b-to-a-emotion7", "cross:b:a", ("a", "b")),
        ("transfer-b-to-b-emotion7", "kfold4", ("b",)),
    ]
    assert experiments[1].overrides == {
        "corpora": "[a,b]",
        "label_space": "emotion7",
        "protocol": "cross:a:b",
    }


def test_with_others_each_corpus_is_left_out_once():
    rest = [each for each in planned("b", "c", "a", others=True) if each.source == OTHERS]
    assert [(each.target, each.protocol) for each in rest] == [
        ("b", "cross:a+c:b"),
        ("c", "cross:a+b:c"),
        ("a", "cross:b+c:a"),
    ]
    assert all(each.corpora == ("a", "b", "c") for each in rest)


@pytest.mark.parametrize(
    ("corpora", "others", "said"),
    [
        (("a",), False, "at least 2"),
        (("a", "b"), True, "at least 3"),
        (("a", "b", "a"), False, "named twice"),
    ],
)
def test_too_few_corpora_are_refused(corpora, others, said):
    with pytest.raises(EvaluationError, match=said):
        planned(*corpora, others=others)


def test_a_cell_holds_the_nested_choices_figures(side):
    here = planned("control", "b")[1]
    found, predictions = cell(here, side(here)), side(here).predictions
    right = predictions.predicted("chosen") == predictions.truth
    recall = [right[predictions.truth == c].mean() for c in range(len(predictions.classes))]
    assert found.strategy == "chosen" and found.chance == pytest.approx(1 / 7)
    assert found.ua.mean == pytest.approx(np.mean(recall)) and found.wa.mean == pytest.approx(right.mean())
    assert found.ua.low < found.ua.mean < found.ua.high
    assert found.speakers == 12 and found.utterances == len(right)


def test_an_experiment_of_that_name_but_other_params_is_refused(side):
    here = planned("control", "b")[1]
    with pytest.raises(
        EvaluationError, match=r"was run with protocol=loso.*dvc exp remove transfer-control-to-b"
    ):
        cell(here, side(here, protocol="loso"))


def test_keys_that_differ_beside_the_planned_ones_are_named(side):
    first, second, *_ = planned("control", "b")
    assert differing([side(first), side(second)]) == []
    assert differing([side(first), side(second, **{"search.epochs": "9"})]) == ["search.epochs"]


def test_the_matrix_is_shown_and_drawn(side, tmp_path):
    experiments = planned("control", "b")
    cells = [cell(each, side(each)) for each in experiments[:3]]
    matrix = TransferMatrix(
        corpora=["control", "b"], label_space="emotion7", cells=cells, differing=["search.epochs"]
    )
    console = Console(width=120, record=True, file=StringIO())
    console.print(rendered(matrix))
    text = console.export_text()
    assert "not run" in text and "7 classes" in text and "search.epochs" in text
    assert f"{100 * cells[0].ua.mean:.1f}" in text
    figure.write(tmp_path / "matrix.png", matrix)
    assert (tmp_path / "matrix.png").read_bytes().startswith(b"\x89PNG")
