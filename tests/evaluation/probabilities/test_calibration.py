"""Calibration: against independent computations, on edge cases, and where the truth is planted."""

import numpy as np
import pytest
import torch
from emoflow.evaluation.probabilities import abstention, calibration, temperature
from emoflow.fusion.calibrated import scaled
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss
from torchmetrics.functional.classification import multiclass_calibration_error

CLASSES = 4


def drawn(generator: np.random.Generator, count: int, *, sharpness: float = 2.0) -> np.ndarray:
    """Probabilities ``[count, CLASSES]``."""
    logits = sharpness * generator.normal(size=(count, CLASSES))
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def answers(generator: np.random.Generator, probabilities: np.ndarray) -> np.ndarray:
    """A class for each row, with these probabilities."""
    return (probabilities.cumsum(1) > generator.random((len(probabilities), 1))).argmax(1)


def test_scores_are_those_of_scikit_learn():
    generator = np.random.default_rng(0)
    given, truth = drawn(generator, 200), generator.integers(0, CLASSES, 200)
    assert calibration.nll(given, truth).mean() == pytest.approx(log_loss(truth, given))
    assert calibration.brier(given, truth).mean() == pytest.approx(brier_score_loss(truth, given))
    certain = np.eye(CLASSES)[truth]
    assert calibration.brier(certain, truth).max() == 0
    wrong = calibration.nll(np.roll(certain, 1, axis=1), truth)
    assert np.isfinite(wrong).all() and wrong.min() > 25  # a probability of 0 is not infinitely bad


def test_the_calibration_error_is_that_of_torchmetrics_where_bins_are_alike():
    """torchmetrics has bins of equal width; where confidences lie in three places, both have the same bins."""
    generator = np.random.default_rng(1)
    confidence = np.repeat([0.5, 0.7, 0.9], 5 * calibration.LEAST_PER_BIN)
    given = np.full((len(confidence), CLASSES), ((1 - confidence) / (CLASSES - 1))[:, None])
    given[:, 0] = confidence
    truth = np.where(generator.random(len(confidence)) < 0.6, 0, 1)
    sums = calibration.bin_sums(given, truth, np.arange(len(truth)) % 7)
    assert sums.shape == (7, 15, 3)
    merged = sums.sum(0).reshape(3, 5, 3).sum(1)
    expected = multiclass_calibration_error(
        torch.from_numpy(given), torch.from_numpy(truth), num_classes=CLASSES, n_bins=10, norm="l1"
    )
    assert calibration.ece(merged) == pytest.approx(float(expected), abs=1e-6)
    assert calibration.ece(sums.sum(0)) >= calibration.ece(merged)


@given(st.integers(1, 700))
def test_bins_hold_equally_many_in_the_order_of_confidence(count):
    confidence = np.random.default_rng(count).random(count).round(1)  # with ties
    codes = calibration.bins_of(confidence)
    sizes = np.bincount(codes)
    assert np.ptp(sizes) <= 1 and 1 <= len(sizes) <= calibration.MOST_BINS
    assert len(sizes) == 1 or sizes.min() >= calibration.LEAST_PER_BIN
    assert np.all(np.diff(codes[np.argsort(confidence, kind="stable")]) >= 0)


def test_a_planted_temperature_is_found_and_corrects():
    generator = np.random.default_rng(2)
    honest = drawn(generator, 6000)
    truth, speaker = answers(generator, honest), np.arange(6000) % 30
    fold = speaker % 5
    sure = scaled(honest, 0.4)
    assert temperature.fitted(sure, truth) == pytest.approx(2.5, rel=0.06)
    corrected, temperatures = temperature.cross_fitted(sure, truth, fold, speaker)
    assert temperatures == pytest.approx([2.5] * 5, rel=0.1)
    assert np.array_equal(corrected.argmax(1), sure.argmax(1))
    ece = lambda p: calibration.ece(calibration.bin_sums(p, truth, speaker).sum(0))  # noqa: E731
    assert ece(sure) > 0.1 and ece(corrected) < 0.03


def test_a_temperature_of_speakers_unlike_one_another_is_found_not_to_help():
    """The speakers of one fold are overconfident, those of the other underconfident."""
    generator = np.random.default_rng(2)
    shares = drawn(generator, 2000)
    truth, fold = answers(generator, shares), np.repeat([0, 1], 1000)
    speaker = np.arange(2000) % 2 + 2 * fold
    unlike = np.concatenate([scaled(shares[fold == 0], 0.3), scaled(shares[fold == 1], 3.0)])
    alike = scaled(shares, 0.4)
    for shown, expected in ((unlike, False), (alike, True)):
        corrected, _ = temperature.cross_fitted(shown, truth, fold, speaker)
        assert temperature.helps(shown, truth, corrected) == expected


def test_a_fold_s_own_speakers_do_not_set_its_temperature():
    generator = np.random.default_rng(3)
    given = drawn(generator, 300)
    truth, speaker = answers(generator, given), np.arange(300) % 10
    fold = speaker % 3
    fold[:3] = 1  # speaker 0 is of fold 0, and a few of the utterances are tested in fold 1
    before, _ = temperature.cross_fitted(given, truth, fold, speaker)
    changed = np.where(np.isin(speaker, speaker[fold == 1]), (truth + 1) % CLASSES, truth)
    after, _ = temperature.cross_fitted(given, changed, fold, speaker)
    assert np.array_equal(before[fold == 1], after[fold == 1])
    assert not np.array_equal(before[fold == 2], after[fold == 2])


def test_one_fold_has_no_others():
    given = drawn(np.random.default_rng(0), 20)
    assert temperature.cross_fitted(given, given.argmax(1), np.zeros(20, int), np.arange(20) % 4) is None


def test_the_surest_answers_come_first():
    confidence = np.linspace(0.3, 1, 100)
    given = np.stack([confidence, *[(1 - confidence) / 3] * 3], axis=1)
    truth = np.where(np.arange(100) < 40, 1, 0)  # the 40 least sure are wrong
    found = dict(zip(abstention.SHARES, abstention.accuracy_by_share(given, truth), strict=True))
    assert found[0.5] == found[0.6] == 1.0
    assert found[1.0] == pytest.approx(0.6)
    assert abstention.accuracy_by_share(given[:1], truth[:1]) == [0.0] * 20
