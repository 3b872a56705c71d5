"""The metrics are scikit-learn's, for any labels and predictions; the intervals cover and repeat."""

import warnings

import numpy as np
import pytest
from emoflow.evaluation import intervals, metrics
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score

CLASSES = 5
pairs = st.lists(
    st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=60
).map(lambda rows: (np.array([row[0] for row in rows]), np.array([row[1] for row in rows])))


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


def test_wa_and_ua_differ_where_classes_do():
    counts = np.array([[90, 0], [10, 0]])  # everything is called the frequent class
    assert metrics.wa(counts) == pytest.approx(0.9)
    assert metrics.ua(counts) == pytest.approx(0.5)


def test_the_resampled_counts_are_those_of_the_drawn_speakers():
    generator = np.random.default_rng(0)
    by_speaker = generator.integers(0, 9, (6, 3, 3))
    drawn = intervals.draws(6, resamples=50, seed=3)
    resampled = intervals.resample(by_speaker, drawn)
    assert (drawn.sum(1) == 6).all()
    for times, counts in zip(drawn, resampled, strict=True):
        assert (counts == np.repeat(by_speaker, times, axis=0).sum(0)).all()


def test_the_same_seed_draws_the_same_and_another_does_not():
    first, again = (intervals.draws(9, resamples=20, seed=1) for _ in range(2))
    assert (first == again).all()
    assert (first != intervals.draws(9, resamples=20, seed=2)).any()


def test_the_interval_covers_about_as_often_as_it_says():
    """Speakers of differing ease: of 200 fabricated studies about 95 % should hold the truth, 0.6."""
    generator, covered = np.random.default_rng(0), 0
    for study in range(200):
        right = generator.binomial(30, np.clip(generator.normal(0.6, 0.1, 24), 0, 1))
        by_speaker = np.zeros((24, 2, 2))
        by_speaker[:, 0, 0], by_speaker[:, 0, 1] = right, 30 - right
        drawn = intervals.draws(24, resamples=500, seed=study)
        resampled = metrics.wa(intervals.resample(by_speaker, drawn))
        held = intervals.percentile(float(metrics.wa(by_speaker.sum(0))), resampled, speakers=24)
        covered += held.low <= 0.6 <= held.high
    assert 0.88 <= covered / 200 <= 0.99


def test_one_speaker_has_no_interval():
    held = intervals.percentile(0.5, np.full(10, 0.5), speakers=1)
    assert (held.mean, held.low, held.high) == (0.5, None, None)
