"""The alarm for a validation that promises more than the test holds."""

import documents
import numpy as np
import pytest
from emoflow.artifacts.folds import FoldSize
from emoflow.artifacts.reports import Figures, Interval
from emoflow.evaluation import intervals, metrics
from emoflow.evaluation.alarms import beside_test

SPEAKERS, EACH = 12, 40


def folds(validation: int = SPEAKERS * EACH):
    size = FoldSize(
        fold=0, test_speakers=[], train=960, validation=validation, test=SPEAKERS * EACH, unlabelled=0
    )
    return documents.protocol(folds=[size], count=1)


def searched(*ua: float, configurations: int = 32):
    """What a search with these validation UAs, one a strategy, chose."""
    names = ("audio", "text", "face", "gated")[: len(ua)]
    chosen = {
        name: {0: documents.chosen(validation={"wa": value, "ua": value, "loss": 0.1})}
        for name, value in zip(names, ua, strict=True)
    }
    return documents.best(chosen, budget=documents.budget(configurations=configurations))


def figured(ua: float, half: float = 0.06) -> Figures:
    interval = Interval(mean=ua, low=ua - half, high=ua + half)
    return documents.figures(ua).model_copy(update={"ua": interval})


def test_a_saturated_validation_and_a_test_far_below_it_is_an_alarm():
    found = beside_test(folds(), searched(0.99, 0.988, 0.7), figured(0.75), units=SPEAKERS)
    assert found.alarm == "validation-above-test" and found.strategy == "audio"
    assert "UA 99.0 on validation and 75.0" in found.message
    assert "2 of 3 strategies are within half a point" in found.message
    assert "fitted on validation speakers" in found.message


def test_a_gap_that_chance_and_the_choice_explain_is_none():
    assert beside_test(folds(), searched(0.80), figured(0.75), units=SPEAKERS) is None
    assert beside_test(folds(), searched(0.70), figured(0.75), units=SPEAKERS) is None


@pytest.mark.parametrize("figures", [figured(0.75), figured(0.75, half=0.02)])
def test_a_small_validation_may_be_further_off(figures):
    assert beside_test(folds(), searched(0.99), figures, units=SPEAKERS)
    assert beside_test(folds(validation=10), searched(0.99), figures, units=SPEAKERS) is None


def test_without_an_interval_or_a_validation_nothing_is_said():
    bare = figured(0.75).model_copy(update={"ua": Interval(mean=0.75, low=None, high=None)})
    assert beside_test(folds(), searched(0.99), bare, units=SPEAKERS) is None
    assert beside_test(folds(validation=0), searched(0.99), figured(0.75), units=SPEAKERS) is None


def test_sound_experiments_seldom_raise_it():
    """Validation and test of equal truth, the best of 32 configurations that differ by chance alone."""
    generator = np.random.default_rng(7)
    alarms = 0
    for _ in range(200):
        skill = np.clip(generator.normal(0.7, 0.08, SPEAKERS), 0.05, 0.95)  # of the test's speakers
        right = generator.binomial(EACH, skill)
        counts = np.stack([np.array([[r // 2, 20 - r // 2], [20 - (r - r // 2), r - r // 2]]) for r in right])
        ua = intervals.of_figure(metrics.ua, np.clip(counts, 0, None))
        other = np.clip(generator.normal(0.7, 0.08, SPEAKERS), 0.05, 0.95)
        validation = max(generator.binomial(EACH, other).sum() / (SPEAKERS * EACH) for _ in range(32))
        figures = documents.figures(ua.mean).model_copy(update={"ua": ua})
        alarms += beside_test(folds(), searched(validation), figures, units=SPEAKERS) is not None
    assert alarms <= 4
