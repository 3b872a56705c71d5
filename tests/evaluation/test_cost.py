"""Accuracy against cost: the Pareto front, the cheapest strategy that is not shown to be worse, the chart's labels."""

from itertools import combinations

import documents
import pytest
from emoflow.artifacts.model import Operations
from emoflow.artifacts.reports import Comparison, Cost, Metrics
from emoflow.errors import EvaluationError
from emoflow.evaluation.cost import cheapest, cost
from emoflow.evaluation.cost_chart import LETTER, LINE, Box, cost_chart, labels, magnitude
from emoflow.evaluation.evaluate import measure
from emoflow.evaluation.report import page
from emoflow.stages.evaluate import read
from fabricated_experiment import experiment, operations
from hypothesis import given
from hypothesis import strategies as st

SKILL = {"majority": 0.3, "audio": 0.5, "text": 0.45, "late-average": 0.8, "cross-attention": 0.5}
NOTHING = Operations(strategies={}, tokens={})


def strategies(held: dict[str, tuple[int, float]]):
    return {name: documents.figures(ua, operations=count) for name, (count, ua) in held.items()}


def compared(second: str, difference: float, *, people: bool = False, folds: bool = False) -> Comparison:
    variation = {"mean": difference, "low": None, "high": None, "p": 0.5, "over": "folds", "n": 3}
    return Comparison(
        first="best", second=second, difference=difference, low=difference - 0.1, high=difference + 0.1, p=0.5,
        p_corrected=0.5, folds=variation, folds_p_corrected=0.5, significant=people, significant_over_folds=folds,
    )  # fmt: skip


HELD = st.dictionaries(
    st.sampled_from("abcdefgh"), st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1
)


@given(HELD)
def test_nothing_beats_the_front_and_the_front_beats_the_rest(held):
    found = cost(strategies(held), [], best=next(iter(held)), operations=NOTHING).front
    assert len(found) == len(set(found))
    for name, (count, ua) in held.items():
        better = [each for each, (n, u) in held.items() if n <= count and u >= ua and (n, u) != (count, ua)]
        if name in found:
            assert not better
        else:
            assert better or any(held[each] == held[name] for each in found)


def test_the_cheapest_is_not_shown_to_be_lower_by_either_test():
    held = {"a": (1, 0.4), "b": (2, 0.4), "c": (3, 0.4), "d": (4, 0.9), "best": (9, 0.6)}
    told = [
        compared("a", 0.2, people=True),
        compared("b", 0.2, folds=True),
        compared("c", 0.2),
        compared("d", -0.3),
    ]
    assert cost(strategies(held), told, best="best", operations=NOTHING).cheapest == "c"
    shown = cost(
        strategies(held), [*told[:2], compared("c", 0.2, people=True)], best="best", operations=NOTHING
    )
    assert shown.cheapest == "d", "what is better is not shown to be lower"


def test_baselines_and_the_nested_choice_cost_nothing_that_could_be_compared():
    held = strategies({"chance": (0, 0.2), "best": (9, 0.6)})
    held["chance"] = held["chance"].model_copy(update={"baseline": True})
    held["chosen"] = documents.figures(0.7, operations=None)
    found = cost(held, [compared("chance", 0.4)], best="best", operations=NOTHING)
    assert (found.front, found.cheapest) == (["best"], "best")


def metrics(held: dict[str, tuple[int, float]], told: list[Comparison]) -> Metrics:
    made = strategies(held)
    return documents.metrics(
        strategies=made, best="best", comparisons=told, cost=cost(made, told, best="best", operations=NOTHING)
    )


def test_the_sentence():
    lower = [compared("late-a", 0.2, people=True)]
    assert cheapest(metrics({"best": (9, 0.6)}, [])).startswith(
        "No strategy takes fewer operations than best"
    )
    assert "each is shown to have a lower UA" in cheapest(
        metrics({"late-a": (1, 0.4), "best": (9, 0.6)}, lower)
    )
    said = cheapest(metrics({"late-a": (12_345, 0.4), "best": (9_000_000, 0.6)}, [compared("late-a", 0.05)]))
    assert "is late-a: 12.3 k operations an utterance, best 9 M." in said
    assert "+5.0 points, 95 % interval −5.0 to +15.0 (p, corrected over all pairs: 0.5)" in said


PLACES = st.dictionaries(
    st.sampled_from(["audio", "late-average", "cross-attention", "gated", "intermediate-concatenation"]),
    st.tuples(st.floats(0, 320), st.floats(0, 210)),
    min_size=1,
)


@given(PLACES)
def test_labels_overlap_neither_dots_nor_one_another(places):
    boxes = []
    dots = [Box(x - 4, y - 4, x + 4, y + 4) for x, y in places.values()]
    for name, x, bottom, anchor in labels(places, dots):
        width = LETTER * len(name)
        left = x - width if anchor == "end" else x
        # places are rounded to tenths
        boxes.append(Box(left + 0.1, bottom + 3.1 - LINE, left + width - 0.1, bottom + 2.9))
    assert not any(one.meets(other) for one, other in combinations(boxes, 2))
    assert not any(box.meets(dot) for box in boxes for dot in dots)


def test_a_label_is_placed_where_there_is_room():
    assert labels({"audio": (200, 100)}, [])[0][0] == "audio"
    assert labels({"cross-attention": (0, 0)}, [])[0][3] == "start", "to the right of the axis"
    everywhere = Box(-1000, -1000, 1000, 1000)
    assert not labels({"audio": (200, 100)}, [everywhere])


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (999, "999"), (1000, "1 k"), (12_345, "12.3 k"), (999_999, "1 M"), (2_500_000_000, "2.5 G")],
)
def test_magnitudes(value, shown):
    assert magnitude(value) == shown


def test_of_an_experiment(tmp_path):
    experiment(tmp_path, skill=SKILL, speakers=6, clips=2, folds=3, seeds=1)
    held = read(["control"], tmp_path)
    found, _ = measure(held, seed=7)
    assert found.strategies["audio"].operations == 10_002, "of the fold whose choice takes the most"
    assert found.strategies["chosen"].operations is None
    assert found.cost.tokens == {"audio": 42, "face": 8, "text": 1}
    assert found.cost.front[0] == "audio" and found.cost.front[-1] == "late-average"
    assert "majority" not in found.cost.front
    shown = page(found, best=held.best, trials=held.trials)
    assert "Accuracy against cost" in shown and "audio: 42 tokens" in shown and cheapest(found) in shown
    assert set(cost_chart(found)["dots"]) == set(SKILL) - {"majority"}


def test_operations_that_were_not_counted_are_named(tmp_path):
    experiment(tmp_path, skill=SKILL, speakers=6, clips=2, folds=3, seeds=1)
    operations({"audio": 0.5}, 3).write(tmp_path)
    with pytest.raises(
        EvaluationError, match=r"no operations of cross-attention.*run the stage `train` again"
    ):
        measure(read(["control"], tmp_path), seed=7)


def test_the_front_is_in_the_metrics_as_they_are_read(tmp_path):
    made = documents.metrics(cost=Cost(tokens={"audio": 3}, front=["audio"], cheapest="audio"))
    made.write(tmp_path)
    assert Metrics.read(tmp_path).cost == made.cost
