"""The metrics are scikit-learn's, for any labels and predictions."""

import warnings

import numpy as np
import pytest
from emoflow.evaluation import metrics
from emoflow.evaluation.scores import by_class
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    matthews_corrcoef,
    precision_recall_fscore_support,
)

CLASSES = 5
pairs = st.lists(
    st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=60
).map(lambda rows: (np.array([row[0] for row in rows]), np.array([row[1] for row in rows])))


@pytest.mark.slow
@given(pairs)
def test_metrics_are_scikit_learns(rows):
    truth, predicted = rows
    counts = metrics.confusion(truth, predicted, classes=CLASSES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert (counts == confusion_matrix(truth, predicted, labels=range(CLASSES))).all()
        assert metrics.wa(counts) == pytest.approx(accuracy_score(truth, predicted))
        assert metrics.ua(counts) == pytest.approx(balanced_accuracy_score(truth, predicted))
        assert metrics.macro_f1(counts) == pytest.approx(f1_score(truth, predicted, average="macro"))
        assert metrics.wf1(counts) == pytest.approx(f1_score(truth, predicted, average="weighted"))
        assert metrics.mcc(counts) == pytest.approx(matthews_corrcoef(truth, predicted))


@given(pairs, st.permutations(range(CLASSES)))
def test_metrics_do_not_depend_on_the_classes_order(rows, order):
    truth, predicted = rows
    order = np.array(order)
    counts = metrics.confusion(truth, predicted, classes=CLASSES)
    renamed = metrics.confusion(order[truth], order[predicted], classes=CLASSES)
    for metric in metrics.METRICS.values():
        assert metric(counts) == pytest.approx(metric(renamed))


@given(pairs, st.integers(1, 4))
def test_groups_add_up_and_batches_are_their_parts(rows, groups):
    truth, predicted = rows
    group = np.arange(len(truth)) % groups
    counts = metrics.confusion_by(group, truth, predicted, groups=groups, classes=CLASSES)
    assert (counts.sum(0) == metrics.confusion(truth, predicted, classes=CLASSES)).all()
    for metric in metrics.METRICS.values():
        np.testing.assert_allclose(metric(counts), [metric(part) for part in counts])


def test_nothing_is_nan_and_warns_of_nothing():
    empty = np.zeros((CLASSES, CLASSES), int)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(np.isnan(metric(empty)) for metric in metrics.METRICS.values())


@pytest.mark.parametrize(
    ("truth", "predicted"),
    [([0, 1, 0, 1], [0, 1, 2, 1]), ([0, 1, 2, 2], [1, 1, 1, 1]), ([3], [3]), ([3], [0]), ([0, 1], [1, 0])],
    ids=["a class is absent", "one prediction", "one utterance", "one that is wrong", "all wrong"],
)
def test_mcc_is_scikit_learn_s_where_it_is_hardly_defined(truth, predicted):
    counts = metrics.confusion(np.array(truth), np.array(predicted), classes=CLASSES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert metrics.mcc(counts) == pytest.approx(matthews_corrcoef(truth, predicted))


def test_mcc_of_many_utterances_does_not_overflow():
    counts = np.full((2, 2), 200_000) + np.diag([300_000, 300_000])
    assert metrics.mcc(counts) == pytest.approx(3 / 7)


def test_wa_and_ua_differ_where_classes_do():
    counts = np.array([[90, 0], [10, 0]])  # everything is called the frequent class
    assert metrics.wa(counts) == pytest.approx(0.9)
    assert metrics.ua(counts) == pytest.approx(0.5)


def test_figures_of_a_class_are_scikit_learn_s_and_missing_where_undefined():
    generator = np.random.default_rng(4)
    truth, speaker = generator.integers(0, 3, 300), np.arange(300) % 6
    predicted = np.where(generator.random(300) < 0.6, truth, generator.integers(0, 3, 300))
    names = ["anger", "neutral", "sadness", "surprise", "fear"]
    truth[:12], predicted[:12] = 3, 0  # surprise is never recognised; of fear there is none
    counts = metrics.confusion_by(speaker, truth, predicted, groups=6, classes=5)
    found = by_class(counts, names)
    expected = precision_recall_fscore_support(truth, predicted, labels=range(4), zero_division=0)
    for c, (precision, recall, f1, support) in enumerate(zip(*expected, strict=True)):
        held = found[names[c]]
        assert held.utterances == support and held.recall.mean == pytest.approx(recall)
        assert held.f1.mean == pytest.approx(f1)
        if c < 3:
            assert held.precision.mean == pytest.approx(precision)
            assert held.precision.low < precision < held.precision.high
    assert found["surprise"].precision is None and found["surprise"].recall.mean == 0
    assert found["fear"].model_dump() == {"utterances": 0, "recall": None, "precision": None, "f1": None}
