"""One annotator: what is asked for, what is trained on, and that nothing else is looked at."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from documents import protocol
from emoflow.errors import EvaluationError
from emoflow.evaluation.active_learning.annotator import annotate, stretched
from emoflow.evaluation.active_learning.curves import learning_curves, tidy
from emoflow.evaluation.active_learning.plan import Budget, plan
from emoflow.training.refit import Choice
from emoflow.training.rows import Part
from planted_pool import CLASSES, planted, simulations, speakers


@pytest.fixture(scope="module")
def task():
    return planted()


@pytest.fixture(scope="module")
def answered(task):
    """acquisition function → its simulation, and what came of it."""
    fold, pool, test = task
    return {
        each.acquisition: (each, annotate(each, pool, test, classes=CLASSES)) for each in simulations(fold)
    }


def test_budgets_and_starts(task, answered):
    fold, *_ = task
    assert list(answered) == ["random", "entropy", "bald"]
    starts = {each.start for each, _ in answered.values()}
    assert len(starts) == 1  # the same for all
    assert Counter(fold.train.target[i] for i in starts.pop()) == {0: 2, 1: 2, 2: 2}
    for each, answers in answered.values():
        assert each.budget.labelled == [6, 12, 18]
        assert len(answers.labelled) == len(set(answers.labelled)) == 18
        assert tuple(answers.labelled[:6]) == each.start
        assert set(answers.labelled) <= set(range(len(fold.train.ids)))
        assert [len(codes) for codes in answers.predicted] == [len(fold.test.ids)] * 3
    predicted = [answers.predicted for _, answers in answered.values()]
    assert predicted[0][0] == predicted[1][0] == predicted[2][0]
    assert predicted[0][2] != predicted[1][2]


def test_other_starts_are_other_clips(task):
    drawn = simulations(task[0], "entropy", repeats=3)
    assert len({each.start for each in drawn}) == 3
    assert len({each.name for each in drawn}) == len(drawn) == 6


@pytest.mark.parametrize("function", ["random", "entropy", "bald"])
def test_labels_that_nobody_gave_change_nothing(task, answered, function):
    _, pool, test = task
    each, answers = answered[function]
    changed = pool.target.clone()
    hidden = sorted(set(range(len(pool))) - set(answers.labelled[:12]))
    changed[hidden] = (changed[hidden] + 1) % CLASSES
    again = annotate(each, replace(pool, target=changed), test, classes=CLASSES)
    assert again.labelled == answers.labelled  # the last clips are asked for before their labels are known
    assert again.predicted[:2] == answers.predicted[:2]
    assert again.predicted[2] != answers.predicted[2]


@pytest.mark.parametrize("function", ["entropy", "bald"])
def test_the_test_changes_neither_training_nor_questions(task, answered, function):
    """A trap: test rows that would draw every question and, learned from, would break the model; other labels."""
    _, pool, test = task
    each, answers = answered[function]
    broken = replace(
        test,
        tokens={
            "audio": torch.where(torch.arange(len(test))[:, None, None] < 100, test.tokens["audio"], 1e6)
        },
        target=(test.target + 1) % CLASSES,
    )
    again = annotate(each, pool, broken, classes=CLASSES)
    assert again.labelled == answers.labelled
    assert [codes[:100] for codes in again.predicted] == [codes[:100] for codes in answers.predicted]
    assert not set(each.pool.ids) & set(each.test.ids)


def test_as_many_steps_are_taken_of_few_clips():
    choice = Choice("audio", {}, 10, {}, ((1, {"a": 1}), (5, {"a": 2})))
    assert stretched(choice, 10, 10) == choice
    longer = stretched(choice, 9, 2)
    assert longer.epochs == 45
    assert [begin for begin, _ in longer.schedule] == [1, 19]
    assert sum(epochs for epochs, _ in longer.parts()) == 45


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"functions": ["margin"]}, "no acquisition function margin; there are entropy, bald"),
        ({"functions": ["random"]}, "is the control"),
        ({"seeds": [4]}, "train.seeds of params.yaml has one"),
        ({"budget": Budget(2, 6, 2)}, "--first 2: there are 3 classes"),
        ({"budget": Budget(6, 60, 5)}, "have 200 labelled clips, .* are 306: take --rounds 3"),
        ({"budget": Budget(6, 300, 1)}, "a smaller --first and --ask"),
    ],
)
def test_what_cannot_be_simulated_is_refused(task, changes, said):
    fold, *_ = task
    stated = {
        "classes": CLASSES,
        "seeds": [0, 1],
        "functions": ["entropy", "bald"],
        "budget": Budget(6, 6, 2),
        "repeats": 1,
    }
    choices = {0: Choice("audio", {}, 1, {})}
    assert plan([fold], choices, speakers(fold), **stated)
    assert plan([fold], choices, speakers(fold), **stated | {"seeds": [4], "functions": ["entropy"]})
    with pytest.raises(EvaluationError, match=said):
        plan([fold], choices, speakers(fold), **stated | changes)


def test_a_test_speaker_in_training_is_refused(task):
    fold, *_ = task
    one = speakers(fold) | {fold.train.ids[7]: "s0"}
    with pytest.raises(EvaluationError, match="s0 of its test also trains"):
        plan(
            [fold], {0: Choice("audio", {}, 1, {})}, one, classes=CLASSES, seeds=[0, 1], functions=["entropy"],
            budget=Budget(6, 6, 2), repeats=1,
        )  # fmt: skip


def test_an_unlabelled_clip_of_the_fold_is_not_in_the_pool(task):
    fold, *_ = task
    more = replace(fold, train=fold.train + Part(("bare/0",), (-1,)))
    assert all("bare/0" not in each.pool.ids for each in simulations(more))


@pytest.mark.slow
def test_where_informative_clips_are_rare_asking_for_them_beats_random():
    fold, pool, test = planted(seed=3, clips=400)
    made = simulations(fold, "entropy", repeats=2)
    answers = [annotate(each, pool, test, classes=CLASSES) for each in made]
    table = tidy(made, answers, speakers(fold), classes=["left", "right", "other"])
    curves = learning_curves(table, made, protocol=protocol(classes=["left", "right", "other"])).curves
    against = curves["entropy"].against_random
    assert against.area.low > 0.02 and min(against.by_start) > 0.02
    assert curves["entropy"].ua[-1].mean > 0.9
