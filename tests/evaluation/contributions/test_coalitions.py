"""Contributions of modalities from tables of predictions: planted truth, missing modalities, tables that do not fit."""

import numpy as np
import pandas as pd
import pytest
from emoflow.errors import EvaluationError
from emoflow.evaluation.contributions.coalitions import Coalitions, of_strategies
from emoflow.evaluation.contributions.figures import to_predictions, to_ua
from emoflow.evaluation.predictions import Predictions

CLASSES = ("anger", "neutral")
COLUMNS = [f"p_{name}" for name in CLASSES]


def predictions(
    first: np.ndarray, truth: np.ndarray, *, strategy: str = "early-concatenation"
) -> Predictions:
    """Of two folds; ``first``: the probability ``[N]`` of class 0 with all modalities."""
    count = len(truth)
    return Predictions(
        classes=CLASSES,
        seeds=(0,),
        utterance_ids=np.array([f"u{i:05d}" for i in range(count)]),
        truth=truth,
        speaker=np.arange(count) % 8,
        speakers=tuple(f"s{i}" for i in range(8)),
        fold=np.arange(count) % 2,
        folds=(3, 4),
        probabilities={strategy: np.stack([first, 1 - first], 1)[None]},
    )


def subset(held: Predictions, modalities: str, first: np.ndarray, rows=slice(None)) -> pd.DataFrame:
    table = pd.DataFrame({"utterance_id": held.utterance_ids, "fold": np.array(held.folds)[held.fold]})
    table = table.assign(strategy=held.strategies[0], modalities=modalities)
    return table.assign(**dict(zip(COLUMNS, (first, 1 - first), strict=True)))[rows]


def bayes(evidence: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-evidence))


def of_two(with_audio, with_text, with_both, truth):
    held = predictions(bayes(with_both), truth)
    table = pd.concat([subset(held, "audio", bayes(with_audio)), subset(held, "text", bayes(with_text))])
    coalitions = of_strategies(held, table)["early-concatenation"]
    return to_ua(coalitions, held), coalitions, held


def test_planted_independent_copied_and_interacting_evidence():
    generator = np.random.default_rng(1)
    truth = generator.integers(0, 2, 4000)
    sign = 1 - 2 * truth
    audio = 2 * sign + 2 * generator.normal(size=4000)  # log-likelihood ratio of a normal display
    text = 0.5 * sign + 1.0 * generator.normal(size=4000)
    independent, _, _ = of_two(audio, text, audio + text, truth)
    shapley = {name: value.mean for name, value in independent.shapley.items()}
    assert shapley["audio"] > shapley["text"] > 0
    assert sum(shapley.values()) == pytest.approx(independent.subsets["audio+text"].mean - 0.5)

    copied, _, _ = of_two(audio, audio, audio, truth)
    assert copied.interactions["audio+text"].high < 0
    assert copied.shapley["audio"].mean == pytest.approx(copied.shapley["text"].mean)

    useless = generator.normal(size=(2, 4000))
    together, _, _ = of_two(useless[0], useless[1], 8 * sign, truth)
    assert together.interactions["audio+text"].low > 0.4
    assert together.subsets["audio"].mean == pytest.approx(0.5, abs=0.03)

    silent, _, _ = of_two(audio, np.zeros(4000), audio, truth)
    assert silent.shapley["text"].low <= 0 <= silent.shapley["text"].high


def test_an_utterance_without_the_modalities_is_a_guess():
    truth = np.array([0, 1] * 8)
    sure = np.where(truth == 0, 0.9, 0.1)
    held = predictions(sure, truth)
    seen = slice(0, 8)
    table = pd.concat([subset(held, "audio", sure, seen), subset(held, "text", sure)])
    coalitions = of_strategies(held, table)["early-concatenation"]
    found = to_ua(coalitions, held)
    assert found.guessed == {"audio": 8}
    assert found.subsets["audio"].mean == pytest.approx(0.75)  # half are right, half are guesses
    assert found.subsets["text"].mean == 1
    shares = to_predictions(coalitions, np.array([0, 12]), np.array([0, 0]))
    np.testing.assert_allclose(shares.sum(1), [0.4, 0.4])
    np.testing.assert_allclose(shares[0], [0.2, 0.2])
    np.testing.assert_allclose(shares[1], [0.0, 0.4])  # utterance 12 has no audio


def test_rows_are_joined_by_fold_and_utterance_not_by_order():
    truth = np.array([0, 1] * 8)
    first = np.random.default_rng(0).random(16)
    held = predictions(first, truth)
    table = pd.concat([subset(held, "audio", first), subset(held, "text", first[::-1].copy())])
    given = of_strategies(held, table)["early-concatenation"]
    shuffled = of_strategies(held, table.sample(frac=1, random_state=0))["early-concatenation"]
    np.testing.assert_array_equal(given.probabilities, shuffled.probabilities)
    assert isinstance(given, Coalitions)
    assert [given.name(k) for k in (1, 2, 3)] == ["audio", "text", "audio+text"]
    np.testing.assert_array_equal(given.probabilities[1, :, 0], first)


def test_no_strategy_of_several_modalities():
    truth = np.array([0, 1])
    held = predictions(np.array([0.6, 0.4]), truth, strategy="audio")
    columns = ["utterance_id", "fold", "strategy", "modalities", *COLUMNS]
    assert of_strategies(held, pd.DataFrame(columns=columns)) == {}


def changed(table: pd.DataFrame, column: str, value) -> pd.DataFrame:
    changed = table.copy()
    changed.loc[changed.index[0], column] = value
    return changed


FAULTS = {
    "another strategy": (lambda t: changed(t, "strategy", "late-average"), "late-average, which the predictions lack"),
    "another utterance": (lambda t: changed(t, "utterance_id", "v1"), "utterances that are not tested: v1"),
    "another fold": (lambda t: changed(t, "fold", 9), "utterances that are not tested: u00000"),
    "no class": (lambda t: t.drop(columns="p_neutral"), "lacks the classes neutral"),
    "no distribution": (lambda t: changed(t, "p_anger", 2.0), "are no distribution: u00000"),
    "twice": (lambda t: pd.concat([t, t.head(1)]), "more than once"),
    "too few": (
        lambda t: t[(t["modalities"] != "audio+text") | (t["utterance_id"] != "u00003")],
        r"lacks utterances of early-concatenation with audio\+text alone",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_tables_of_another_run_are_refused(fault):
    truth, first = np.array([0, 1] * 8), np.linspace(0.1, 0.9, 16)
    held = predictions(first, truth)
    names = ["audio", "face", "text", "audio+face", "audio+text", "face+text"]
    table = pd.concat([subset(held, name, first) for name in names], ignore_index=True)
    assert of_strategies(held, table)
    spoil, message = FAULTS[fault]
    with pytest.raises(EvaluationError, match=message + r".*run the stage `train` again"):
        of_strategies(held, spoil(table))
