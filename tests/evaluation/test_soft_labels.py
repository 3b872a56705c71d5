"""Probabilities beside the raters' distribution: the figures are SciPy's, and what they are taken over."""

import json

import numpy as np
import pandas as pd
import pytest
from emoflow.evaluation.evaluate import measure
from emoflow.evaluation.predictions import Predictions
from emoflow.evaluation.probabilities.soft_labels import (
    beside_raters,
    cross_entropy,
    jensen_shannon,
    kullback_leibler,
)
from emoflow.evaluation.report import page
from emoflow.schema import LABEL_SPACES, Layout
from emoflow.stages.evaluate import read
from emoflow.training.rater_votes import RaterVotes, rater_votes_of
from fabricated_experiment import experiment
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

SPACE = {"space": LABEL_SPACES["emotion7"], "layouts": {"control": Layout()}}


@given(st.integers(0, 10_000))
def test_the_figures_of_an_utterance_are_scipy_s(seed):
    generator = np.random.default_rng(seed)
    given_, raters = generator.dirichlet(np.ones(4), 6), generator.dirichlet(np.full(4, 0.3), 6)
    raters[0] = [0, 1, 0, 0]
    raters[1] = given_[1]
    divergence = entropy(raters, given_, axis=1)
    assert kullback_leibler(raters, given_) == pytest.approx(divergence, abs=1e-12)
    assert cross_entropy(raters, given_) == pytest.approx(divergence + entropy(raters, axis=1))
    expected = jensenshannon(raters, given_, base=2, axis=1) ** 2
    assert jensen_shannon(raters, given_) == pytest.approx(expected, abs=1e-12)


def test_a_probability_of_0_leaves_the_figures_finite():
    raters, given_ = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    assert jensen_shannon(raters, given_) == [1.0]
    assert np.isfinite(cross_entropy(raters, given_)) and np.isfinite(kullback_leibler(raters, given_))


def small() -> tuple[Predictions, RaterVotes, pd.DataFrame]:
    """Three folds of one speaker each; ``c1`` has one rater, and nobody votes for a class of ``c2``."""
    rows = [
        ("a1", [["anger"], ["anger"], ["sadness"]]),
        ("a2", [["neutral"], ["neutral", "sadness"]]),
        ("b1", [["sadness"], ["anger"]]),
        ("b2", [["neutral"], ["neutral"]]),
        ("c1", [["anger"]]),
        ("c2", [["fear"], ["fear"]]),
    ]
    table = pd.DataFrame(
        [
            {"utterance_id": name, "corpus": "lab"}
            | {"raters": json.dumps({f"r{k}": words for k, words in enumerate(said)})}
            for name, said in rows
        ]
    )
    classes = ("anger", "neutral", "sadness")
    votes = rater_votes_of(table, {"lab": Layout()}, space=LABEL_SPACES["emotion4"], classes=classes)
    ids = table["utterance_id"]
    folds = pd.concat(
        [
            pd.DataFrame(
                {"utterance_id": ids, "fold": fold, "role": np.where(ids.str[0] == who, "test", "train")}
            )
            for fold, who in enumerate("abc")
        ]
    )
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), (2, 6))
    speaker = np.array([0, 0, 1, 1, 2, 2])
    predictions = Predictions(
        classes=classes,
        seeds=(0, 1),
        utterance_ids=ids.to_numpy(str),
        truth=np.zeros(6, int),
        speaker=speaker,
        speakers=("a", "b", "c"),
        fold=speaker,
        folds=(0, 1, 2),
        probabilities={"audio": probabilities},
    )
    return predictions, votes, folds


def test_figures_are_over_utterances_with_two_raters_and_a_constant_knows_no_test_speaker():
    predictions, votes, folds = small()
    held = beside_raters(predictions, "audio", votes, folds)
    assert (held.utterances, held.speakers, held.raters) == (4, 2, 2.25)
    raters = np.array([[2 / 3, 0, 1 / 3], [0, 3 / 4, 1 / 4], [1 / 2, 0, 1 / 2], [0, 1, 0]])
    model = predictions.probabilities["audio"].mean(0)[:4]
    constant = np.repeat([raters[2:].mean(0), raters[:2].mean(0)], 2, axis=0)
    for figures, given_ in ((held.model, model), (held.constant, constant)):
        divergence = entropy(raters, np.maximum(given_, 1e-12), axis=1)
        assert figures.kullback_leibler.mean == pytest.approx(divergence.mean())
        assert figures.cross_entropy.mean == pytest.approx((divergence + entropy(raters, axis=1)).mean())
        expected = jensenshannon(raters, given_, base=2, axis=1) ** 2
        assert figures.jensen_shannon.mean == pytest.approx(expected.mean())
        assert figures.jensen_shannon.low < expected.mean() < figures.jensen_shannon.high


def test_there_is_nothing_to_say_without_two_raters_and_no_constant_without_others_votes():
    predictions, votes, folds = small()
    alone = RaterVotes(votes.ids, votes.shares, np.minimum(votes.raters, 1))
    assert beside_raters(predictions, "audio", alone, folds) is None
    only_a = RaterVotes(votes.ids, votes.shares, np.where([name[0] == "a" for name in votes.ids], 2, 0))
    held = beside_raters(predictions, "audio", only_a, folds)
    assert held.utterances == 2 and held.constant is None


@pytest.mark.slow
def test_the_report_shows_the_registered_strategy_beside_the_raters(tmp_path):
    experiment(tmp_path, raters=4)
    inputs = read(["control"], tmp_path, **SPACE)
    metrics = measure(inputs, seed=7)[0]
    soft = metrics.soft_labels
    assert (soft.strategy, soft.utterances, soft.raters) == (metrics.best, 336, 4.0)
    assert soft.model.jensen_shannon.high < soft.constant.jensen_shannon.low
    assert soft.model.kullback_leibler.mean < soft.constant.kullback_leibler.mean
    html = page(metrics, best=inputs.best, trials=inputs.trials)
    assert "Probabilities beside the raters" in html
    assert f"{soft.constant.cross_entropy.mean:.3f}</data></b>" in html
    without = metrics.model_copy(update={"soft_labels": None})
    assert "beside the raters" not in page(without, best=inputs.best, trials=inputs.trials)
