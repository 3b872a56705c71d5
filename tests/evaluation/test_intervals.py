"""The intervals over speakers: by hand, by their coverage in simulation, and where there is none."""

import numpy as np
import pytest
from emoflow.evaluation import intervals, metrics
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student
from scipy.stats import ttest_1samp

PRIOR = np.array([0.4, 0.3, 0.2, 0.1])
LOGITS = np.array([1.4, 1.1, 0.9, 0.4])
"""Of each class's recall, before a speaker's own ease is added."""
CLASSES, STUDIES = len(PRIOR), 600


def simulated(
    generator: np.random.Generator, speakers: int, *, shift: float = 0.0, strategies: int = 1
) -> np.ndarray:
    """Confusion counts ``[strategies, S, C, C]`` of equally good strategies on the same utterances.

    Speakers differ in ease, in their number of clips, in how often they show a class and in how each strategy suits
    them.
    """
    clips = np.maximum(np.round(60 * generator.lognormal(-0.18, 0.6, speakers)), 8).astype(int)
    support = generator.multinomial(clips, generator.dirichlet(25 * PRIOR, speakers))
    logits = LOGITS + shift + generator.normal(0, 0.5, (speakers, 1))
    shape = (strategies, speakers, CLASSES)
    right = 1 / (1 + np.exp(-logits - generator.normal(0, 0.4, shape)))
    elsewhere = generator.dirichlet(np.full(CLASSES - 1, 4.0), shape) * (1 - right)[..., None]
    answers = np.empty((*shape, CLASSES))
    for c in range(CLASSES):
        answers[..., c, :] = np.insert(elsewhere[..., c, :], c, right[..., c], axis=-1)
    return generator.multinomial(support, answers)


def percentile_bootstrap(metric, by_speaker: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The interval that covers too seldom: percentiles over resampled speakers."""
    speakers = len(by_speaker)
    drawn = generator.multinomial(speakers, np.full(speakers, 1 / speakers), size=300)
    return np.nanquantile(metric(np.tensordot(drawn, by_speaker, 1)), [0.025, 0.975])


@pytest.mark.slow
@pytest.mark.parametrize("speakers", [4, 6, 10, 24])
@pytest.mark.parametrize("shift", [0.0, 1.5], ids=["middling", "good"])
def test_the_intervals_cover_as_often_as_they_say(speakers, shift):
    generator = np.random.default_rng(speakers)
    population = simulated(np.random.default_rng(99), 100_000, shift=shift).sum((0, 1))
    covered = dict.fromkeys(metrics.METRICS, 0)
    for _ in range(STUDIES):
        (by_speaker,) = simulated(generator, speakers, shift=shift)
        for name, metric in metrics.METRICS.items():
            held = intervals.of_figure(metric, by_speaker, lowest=metrics.LOWEST[name])
            covered[name] += held.low <= metric(population) <= held.high
    for name, count in covered.items():
        assert 0.915 <= count / STUDIES <= 0.98, (name, count / STUDIES)  # .95 ± 3.5 standard errors


def test_the_percentile_bootstrap_would_not_have_passed():
    generator = np.random.default_rng(4)
    truth, covered = metrics.ua(simulated(np.random.default_rng(99), 100_000).sum((0, 1))), 0
    for _ in range(STUDIES):
        low, high = percentile_bootstrap(metrics.ua, simulated(generator, 4)[0], generator)
        covered += low <= truth <= high
    assert covered / STUDIES < 0.86


@pytest.mark.slow
@pytest.mark.parametrize("speakers", [4, 6, 10, 24])
def test_the_interval_of_a_paired_difference_covers_too(speakers):
    generator, covered = np.random.default_rng(speakers), 0
    for _ in range(STUDIES):
        held = intervals.of_difference(metrics.ua, *simulated(generator, speakers, strategies=2))
        covered += held.low <= 0 <= held.high
    assert 0.915 <= covered / STUDIES <= 0.98, covered / STUDIES


def test_with_equally_many_clips_a_difference_has_the_t_interval_of_the_speakers_differences():
    right = np.random.default_rng(0).integers(10, 25, (2, 7))
    counts = np.zeros((2, 7, 2, 2))
    counts[..., 0, 0], counts[..., 0, 1] = right, 30 - right
    held = intervals.of_difference(metrics.wa, *counts)
    bounds = ttest_1samp((right[0] - right[1]) / 30, 0.0).confidence_interval(0.95)
    assert (held.low, held.high) == pytest.approx((bounds.low, bounds.high))


@given(st.integers(0, 10_000), st.integers(2, 9))
def test_a_bound_is_what_the_figure_can_be(seed, speakers):
    counts = np.random.default_rng(seed).integers(0, 4, (2, speakers, 3, 3))
    for name, metric in metrics.METRICS.items():
        lowest = metrics.LOWEST[name]
        held = intervals.of_figure(metric, counts[0], lowest=lowest)
        assert held.low is None or lowest <= held.low <= held.mean <= held.high <= 1
        if lowest == 0:
            held = intervals.of_difference(metric, *counts)
            assert held.low is None or -1 <= held.low <= held.mean <= held.high <= 1


def test_on_a_scale_from_minus_1_the_interval_is_fisher_s_z():
    by_speaker = np.random.default_rng(1).integers(0, 9, (6, 3, 3)) + 9 * np.eye(3, dtype=int)
    pooled, rest = by_speaker.sum(0), by_speaker.sum(0) - by_speaker
    value, others = metrics.mcc(pooled), np.array([metrics.mcc(each) for each in rest])
    error = np.sqrt(5 * others.var())
    expected = np.tanh(np.arctanh(value) + student.ppf([0.025, 0.975], 5) * error / (1 - value**2))
    held = intervals.of_figure(metrics.mcc, by_speaker, lowest=-1.0)
    assert (held.low, held.high) == pytest.approx(expected)


def test_speakers_who_all_say_the_same_leave_no_doubt():
    held = intervals.of_figure(metrics.wa, np.tile([[3, 1], [0, 0]], (5, 1, 1)))
    assert (held.mean, held.low, held.high) == (0.75, pytest.approx(0.75), pytest.approx(0.75))


@pytest.mark.parametrize(
    ("by_speaker", "mean"),
    [(np.array([[[3, 1], [0, 0]]]), 0.75), (np.tile([[3, 0], [0, 2]], (5, 1, 1)), 1.0)],
    ids=["one speaker", "nothing is wrong"],
)
def test_there_is_no_interval_where_the_speakers_cannot_tell(by_speaker, mean):
    held = intervals.of_figure(metrics.wa, by_speaker)
    assert (held.mean, held.low, held.high) == (mean, None, None)
