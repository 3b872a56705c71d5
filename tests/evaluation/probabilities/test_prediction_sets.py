"""Prediction sets hold the true class as often as they say, for speakers whom nobody knew."""

import numpy as np
import pytest
from emoflow.evaluation.probabilities.prediction_sets import cross_conformal, threshold
from emoflow.fusion.calibrated import set_scores

CLASSES = 5


def corpus(generator: np.random.Generator, speakers: int, *, sure: float = 1.0):
    """Predictions of a model that is better for some speakers; who differ, too, in how many utterances they have.

    Args:
        sure: the model's logits are multiplied by it, so that its probabilities promise too much.
    """
    counts = generator.integers(5, 60, speakers)
    speaker = np.repeat(np.arange(speakers), counts)
    ease = generator.normal(1.5, 1.0, speakers)[speaker]
    truth = generator.integers(0, CLASSES, len(speaker))
    logits = generator.normal(size=(len(speaker), CLASSES)) + ease[:, None] * np.eye(CLASSES)[truth]
    given = np.exp(sure * logits)
    return given / given.sum(1, keepdims=True), truth, speaker


@pytest.mark.slow
@pytest.mark.parametrize("sure", [1.0, 3.0], ids=["calibrated", "too sure"])
@pytest.mark.parametrize("speakers", [6, 10, 24])
def test_the_coverage_holds_for_new_speakers(speakers, sure):
    generator, covered = np.random.default_rng(speakers), []
    for study in range(150):
        given, truth, speaker = corpus(generator, speakers, sure=sure)
        sets = cross_conformal(given, truth, speaker % 5, speaker, seed=study)
        hit = sets[np.arange(len(truth)), truth]
        covered.append(np.mean([hit[speaker == each].mean() for each in range(speakers)]))
    assert 0.88 <= np.mean(covered) <= 0.92, np.mean(covered)


def test_a_better_model_names_fewer_classes():
    generator = np.random.default_rng(1)
    given, truth, speaker = corpus(generator, 30)
    blind = np.full_like(given, 1 / CLASSES)
    size = lambda p: cross_conformal(p, truth, speaker % 5, speaker, seed=0).sum(1).mean()  # noqa: E731
    assert size(given) < 3.5 < size(blind)
    everything = np.eye(CLASSES)[truth]
    assert size(everything) == 1


def test_scores_go_down_the_order_of_classes():
    given = np.array([[0.2, 0.5, 0.3]])
    np.testing.assert_allclose(set_scores(given, np.array([0.0])), [[0.8, 0.0, 0.5]])
    np.testing.assert_allclose(set_scores(given, np.array([1.0])), [[1.0, 0.5, 0.8]])


def test_every_speaker_counts_the_same_however_many_utterances_there_are():
    many, few = np.full(1000, 0.9), np.linspace(0.1, 0.3, 30)
    found = threshold(np.concatenate([many, few]), np.repeat(np.arange(31), [1000, *[1] * 30]), level=0.9)
    assert found == pytest.approx(few[27])  # 28 of 31
    assert threshold(few[:10], np.arange(10), level=0.9) == pytest.approx(few[8])


def test_one_fold_has_no_others():
    given, truth, speaker = corpus(np.random.default_rng(0), 6)
    assert cross_conformal(given, truth, np.zeros_like(speaker), speaker, seed=0) is None
