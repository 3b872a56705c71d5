"""Two experiments on the same utterances: figures, intervals, tests, answers, and what cannot be compared."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from documents import protocol
from emoflow.artifacts.folds import Folds
from emoflow.artifacts.reports import Interval
from emoflow.errors import EvaluationError
from emoflow.evaluation.pairwise.answer import points, sentence
from emoflow.evaluation.pairwise.sides import Side
from emoflow.evaluation.pairwise.statistics import compare, of_strategies
from emoflow.evaluation.predictions import Predictions, join
from emoflow.evaluation.scores import against, by_speaker
from emoflow.evaluation.variation import held_out_ratio
from fabricated_experiment import experiment
from scipy.stats import ttest_rel
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score, recall_score

CLASSES = ("anger", "fear", "joy", "neutral")


def drawn(
    generator, *, speakers: int, shift: float = 0.0, clips: int = 5, seeds: int = 1, folds: int = 4
) -> tuple[Predictions, Predictions]:
    """Two experiments, each right in 60 % of a speaker's clips, give or take the speaker; the second `shift` more."""
    each = len(CLASSES) * clips
    truth = np.tile(np.repeat(np.arange(len(CLASSES)), clips), speakers)
    speaker = np.repeat(np.arange(speakers), each)
    ease = 0.6 + generator.normal(0, 0.08, speakers)

    def predictions(ability):
        right = (
            generator.random((seeds, len(truth))) < (ability + generator.normal(0, 0.06, speakers))[speaker]
        )
        other = (truth + generator.integers(1, len(CLASSES), (seeds, len(truth)))) % len(CLASSES)
        seen = np.where(right, truth, other)
        return Predictions(
            classes=CLASSES,
            seeds=tuple(range(seeds)),
            utterance_ids=np.array([f"control/{n:05}" for n in range(len(truth))]),
            truth=truth,
            speaker=speaker,
            speakers=tuple(f"control/s{n:03}" for n in range(speakers)),
            fold=speaker % folds,
            folds=tuple(range(min(folds, speakers))),
            probabilities={"chosen": 0.1 + 0.6 * np.eye(len(CLASSES))[seen]},
        )

    return predictions(ease), predictions(ease + shift)


def paired(first, second, a="chosen", b="chosen", ratio=0.3):
    return of_strategies(first, second, a, b, kind="named", ratio=ratio)


def side(predictions: Predictions, name="A", **changes) -> Side:
    rows = pd.DataFrame(
        {
            "fold": np.array(predictions.folds)[predictions.fold],
            "utterance_id": predictions.utterance_ids,
            "speaker": np.array(predictions.speakers)[predictions.speaker],
            "label": np.array(predictions.classes)[predictions.truth],
            "role": "test",
        }
    )
    said = protocol(protocol="emotion4.kfold4", digest="a" * 64, classes=list(predictions.classes))
    whole = Side(name, "made here", said, rows, predictions, next(iter(predictions.probabilities)), {})
    return replace(whole, **changes)


@pytest.mark.slow
@pytest.mark.parametrize(("speakers", "shift"), [(8, 0.0), (20, 0.1)])
def test_the_test_holds_its_size_and_the_interval_covers_the_true_difference(speakers, shift):
    generator, times = np.random.default_rng(21), 200 if shift else 400
    covered = shown = claimed = 0
    for _ in range(times):
        found = paired(*drawn(generator, speakers=speakers, shift=shift))
        interval = found.figures["ua"].difference
        covered += interval.low <= shift <= interval.high
        shown += found.p < 0.05
        claimed += "more than chance (p" in found.answer.split(". ")[0]
    assert 0.92 <= covered / times <= 0.98
    if shift:
        assert claimed / times > 0.6
    else:
        assert 0.02 <= shown / times <= 0.08
        assert claimed / times <= 0.08


def only(rows: np.ndarray, predictions: Predictions) -> Predictions:
    """The same of some of the utterances, boolean ``[N]``."""
    return replace(
        predictions,
        utterance_ids=predictions.utterance_ids[rows],
        truth=predictions.truth[rows],
        speaker=predictions.speaker[rows],
        fold=predictions.fold[rows],
        probabilities={"chosen": predictions.probabilities["chosen"][:, rows]},
    )


def test_figures_and_counts_are_those_of_scikit_learn():
    first, second = drawn(np.random.default_rng(3), speakers=9, shift=0.1)
    keep = np.random.default_rng(4).random(len(first.truth)) < 0.6  # classes and speakers of unequal size
    first, second = only(keep, first), only(keep, second)
    found = paired(first, second)
    truth, a, b = first.truth, first.predicted("chosen"), second.predicted("chosen")
    for name, figure in (
        ("ua", balanced_accuracy_score),
        ("wa", accuracy_score),
        ("wf1", lambda t, p: f1_score(t, p, average="weighted")),
    ):
        measured = found.figures[name]
        assert measured.a.mean == pytest.approx(figure(truth, a))
        assert measured.b.mean == pytest.approx(figure(truth, b))
        assert measured.difference.mean == pytest.approx(figure(truth, b) - figure(truth, a))
    table = confusion_matrix(a == truth, b == truth, labels=[True, False])
    outcomes = found.outcomes
    assert [[outcomes.both, outcomes.only_a], [outcomes.only_b, outcomes.neither]] == table.tolist()
    assert [row.a for row in found.recall] == pytest.approx(recall_score(truth, a, average=None))
    assert [row.b for row in found.recall] == pytest.approx(recall_score(truth, b, average=None))
    assert [row.difference.mean for row in found.recall] == pytest.approx(
        recall_score(truth, b, average=None) - recall_score(truth, a, average=None)
    )
    one = found.speakers[4]
    rows = first.speaker == 4
    assert (one.speaker, one.utterances) == ("control/s004", rows.sum())
    assert one.difference == pytest.approx(
        recall_score(truth[rows], b[rows], average="macro")
        - recall_score(truth[rows], a[rows], average="macro")
    )


def test_the_effect_size_is_t_over_the_root_of_the_speakers():
    found = paired(*drawn(np.random.default_rng(5), speakers=12, shift=0.05))
    t = ttest_rel([each.b for each in found.speakers], [each.a for each in found.speakers]).statistic
    assert found.effect.d_z == pytest.approx(t / np.sqrt(12))  # as many clips of each speaker and class
    counts = [sum(f(each.difference) for each in found.speakers) for f in (lambda d: d > 0, lambda d: d < 0)]
    assert [found.effect.better, found.effect.worse] == counts
    assert found.effect.better + found.effect.worse + found.effect.equal == 12


def test_two_strategies_of_one_experiment_compare_as_in_its_report(tmp_path):
    data = experiment(tmp_path, speakers=16, clips=2)
    folds = pd.read_parquet(data / "folds.parquet")
    predictions = join(folds, pd.read_parquet(data / "predictions.parquet"), Folds.read(tmp_path).classes)
    ratio = held_out_ratio(folds)
    (report,) = against("text", ["face"], predictions, by_speaker(predictions), seed=0, ratio=ratio)
    found = paired(predictions, predictions, "face", "text", ratio=ratio)
    difference = found.figures["ua"].difference
    assert (difference.mean, difference.low, difference.high) == pytest.approx(
        (report.difference, report.low, report.high)
    )
    assert found.p == report.p
    assert found.folds == report.folds


def test_other_numbers_of_seeds_are_paired_by_each_fold_s_mean():
    generator = np.random.default_rng(6)
    first, _ = drawn(generator, speakers=12, seeds=2)
    _, second = drawn(generator, speakers=12, seeds=3, shift=0.1)
    found = paired(first, second)
    accuracies = [
        [
            np.mean(
                [
                    (row == 0).mean()
                    for row in (each.predicted_by_seed("chosen") - each.truth)[:, each.fold == k]
                ]
            )
            for k in range(4)
        ]
        for each in (first, second)
    ]
    assert found.folds.mean == pytest.approx(np.mean(accuracies[1]) - np.mean(accuracies[0]))
    assert (found.folds.over, found.folds.n) == ("folds", 4)


def test_the_same_predictions_are_said_to_be_the_same():
    first, _ = drawn(np.random.default_rng(7), speakers=8)
    found = compare(side(first), side(first, "B", params={"search.epochs": "80"}))
    (pair,) = found.pairs  # the registered strategy is what every fold chose
    assert pair.kind == "nested" and pair.same and pair.p == 1 and pair.effect.d_z is None
    assert pair.answer == "A and B predict the same emotion for every utterance."
    assert found.params == {"search.epochs": (None, "80")}


def test_few_speakers_and_an_absent_class_are_said_and_not_faked():
    generator = np.random.default_rng(8)
    found = paired(*drawn(generator, speakers=1, shift=0.2), ratio=None)
    difference = found.figures["ua"].difference
    assert difference.low is difference.high is found.folds is found.effect.d_z is None
    assert "no interval can be given from 1 speaker, so it may be chance" in found.answer
    found = paired(*drawn(generator, speakers=5, shift=0.4))
    assert "5 speakers are too few for any difference to be shown" in found.answer
    first, second = drawn(generator, speakers=8)
    rows = first.truth != 2
    first, second = only(rows, first), only(rows, second)
    absent = paired(first, second).recall[2]
    assert (absent.utterances, absent.a, absent.difference) == (0, None, None)


@pytest.mark.parametrize(
    ("mean", "low", "high", "p", "said"),
    [
        (
            0.012,
            -0.004,
            0.028,
            0.2,
            "B is better by 1.2 points of UA (−0.4 to +2.8); with these 24 speakers that may",
        ),
        (
            -0.03,
            -0.05,
            -0.01,
            0.01,
            "A is better by 3.0 points of UA (+1.0 to +5.0); with 24 speakers that is more",
        ),
        (
            0.03,
            0.001,
            0.059,
            0.07,
            "the interval and the permutation test (p = 0.07) disagree, so take it as undec",
        ),
        (
            0.0,
            -0.02,
            0.02,
            1.0,
            "A and B have the same UA to a tenth of a point (−2.0 to +2.0); with these 24",
        ),
    ],
)
def test_the_answer_says_no_more_than_both_the_interval_and_the_test(mean, low, high, p, said):
    interval = Interval(mean=mean, low=low, high=high)
    answer = sentence(interval, p=p, least_p=1e-4, speakers=24, same=False, folds=None)
    assert said in answer
    assert points(-0.0001) == "+0.0"


def with_digest(predictions, digest, name="B"):
    whole = side(predictions, name)
    return replace(whole, protocol=whole.protocol.model_copy(update={"digest": digest}))


def test_what_cannot_be_compared_is_refused_with_the_reason():
    first, second = drawn(np.random.default_rng(9), speakers=8)
    a, b = side(first), side(second, "B")
    loso = b.protocol.model_copy(update={"protocol": "emotion4.loso"})
    with pytest.raises(EvaluationError, match=r"A follows the protocol emotion4.kfold4, B emotion4.loso"):
        compare(a, replace(b, protocol=loso))
    renamed = replace(second, classes=("anger", "fear", "happiness", "neutral"))
    with pytest.raises(EvaluationError, match="those of B anger, fear, happiness, neutral"):
        compare(a, side(renamed, "B"))
    with pytest.raises(EvaluationError, match=r"their folds differ.* 160 are common.* add --common"):
        compare(a, with_digest(second, "b" * 64))
    elsewhere = replace(second, utterance_ids=np.char.add(second.utterance_ids, "x"))
    for common in (False, True):
        with pytest.raises(EvaluationError, match="not one utterance was tested by both"):
            compare(a, with_digest(elsewhere, "b" * 64), common=common)
    with pytest.raises(EvaluationError, match="same digest"):
        compare(a, side(elsewhere, "B"))
    relabelled = replace(second, truth=np.where(np.arange(len(second.truth)) == 3, 2, second.truth))
    with pytest.raises(EvaluationError, match=r"1 utterances have another label .*control/00003"):
        compare(a, side(relabelled, "B"))
    with pytest.raises(EvaluationError, match="another speaker"):
        compare(a, side(replace(second, speakers=second.speakers[::-1]), "B"))
    with pytest.raises(EvaluationError, match="B has no predictions of the strategy text; it has chosen"):
        compare(replace(a, predictions=replace(first, probabilities={"text": first.probabilities["chosen"]})), b,
                strategy="text")  # fmt: skip
    twice = replace(second, utterance_ids=np.repeat(second.utterance_ids[::2], 2))
    with pytest.raises(EvaluationError, match="B tests 80 utterances in several folds"):
        compare(a, with_digest(twice, "b" * 64), common=True)


def test_other_folds_are_compared_on_the_common_utterances_where_asked():
    first, second = drawn(np.random.default_rng(10), speakers=12, shift=0.1)
    order = np.random.default_rng(1).permutation(len(second.truth))[:150]  # other rows in another order
    part = replace(
        second,
        utterance_ids=second.utterance_ids[order],
        truth=second.truth[order],
        speaker=second.speaker[order],
        fold=(second.fold[order] + 1) % 4,
        probabilities={"chosen": second.probabilities["chosen"][:, order]},
    )
    found = compare(side(first), with_digest(part, "b" * 64), common=True)
    (pair,) = found.pairs
    assert not found.same_folds and pair.folds is None
    assert (found.utterances, found.a.utterances, found.b.utterances) == (150, 240, 150)
    truth = second.truth[order]
    for each, name in ((first, "a"), (second, "b")):
        expected = balanced_accuracy_score(truth, each.predicted("chosen")[order])
        assert getattr(pair.figures["ua"], name).mean == pytest.approx(expected)
