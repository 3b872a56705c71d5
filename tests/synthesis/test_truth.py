"""The ceilings are what enumeration says they are, and the oracle is Bayes' rule."""

import itertools
import json
import re

import numpy as np
import pandas as pd
import pytest
from emoflow.errors import CorpusError
from emoflow.schema import EMOTION7, MODALITIES
from emoflow.synthesis import bayes_ceilings, display_sampling, truth
from emoflow.synthesis.truth import Truth
from hypothesis import given, settings
from hypothesis import strategies as st

DEFAULT = Truth({"audio": 0.75, "text": 0.65, "face": 0.70})
FEW = EMOTION7[:4]
few = st.builds(
    Truth,
    reliability=st.fixed_dictionaries({m: st.floats(1 / 4, 1) for m in MODALITIES}),
    classes=st.just(FEW),
    relation=st.sampled_from(truth.RELATIONS),
    missing=st.sampled_from([0.0, 0.0, 0.1, 0.5]),
    raters=st.integers(0, 4),
    agreement=st.floats(0.4, 1),
    acted=st.booleans(),
    majority=st.booleans(),
)


def by_hand(held: Truth) -> dict[tuple[str, ...], float]:
    """The ceilings by summing, over what is seen, the largest posterior mass: no code shared with the room."""
    n = len(held.classes)

    def p(shown, meant, r):
        return r if shown == meant else (1 - r) / (n - 1)

    def meant(emotion):
        """(probability, what each modality means)"""
        if held.relation == "redundant":
            yield 1.0, (emotion,) * 3
        elif held.relation == "interacting":
            for a in range(n):
                yield 1 / n, (a, (emotion - a) % n, emotion)
        else:
            others = [[c for c in range(n) if c % 3 != m] for m in range(3)]
            choices = [[emotion] if emotion % 3 == m else others[m] for m in range(3)]
            for means in itertools.product(*choices):
                yield 1 / np.prod([len(each) for each in choices]), means

    agreed = np.eye(n)
    if held.raters and not held.acted:
        agreed = np.zeros((n, n))
        for emotion, votes in itertools.product(range(n), itertools.product(range(n), repeat=held.raters)):
            most = max(votes.count(vote) for vote in votes)
            if held.majority and most <= held.raters / 2:
                continue
            label = next(vote for vote in votes if votes.count(vote) == most)
            agreed[emotion, label] += np.prod([p(vote, emotion, held.agreement) for vote in votes])
    agreed /= agreed.sum(axis=1, keepdims=True)
    seen = {}  # (label, shown) → probability; what a subset does not see is summed away
    for emotion in range(n):
        for weight, means in meant(emotion):
            for shown in itertools.product(range(n), repeat=3):
                displayed = np.prod(
                    [p(s, m, held.reliability[x]) for s, m, x in zip(shown, means, MODALITIES, strict=True)]
                )
                for label in range(n):
                    key = label, shown
                    seen[key] = seen.get(key, 0) + weight * displayed * agreed[emotion, label] / n

    def full(subset):
        mass = {}
        for (label, shown), probability in seen.items():
            pattern = tuple(s for s, m in zip(shown, MODALITIES, strict=True) if m in subset)
            mass.setdefault(pattern, [0.0] * n)[label] += probability
        return sum(max(each) for each in mass.values())

    complete = {
        subset: full(subset) for size in range(4) for subset in itertools.combinations(MODALITIES, size)
    }
    lost = {
        there: held.missing ** (3 - len(there)) * (1 - held.missing) ** len(there)
        for there in complete
        if there
    }
    return {
        subset: sum(
            weight * complete[tuple(m for m in subset if m in there)] for there, weight in lost.items()
        )
        / sum(lost.values())
        for subset in complete
        if subset
    }


def test_default_ceilings():
    ceilings = bayes_ceilings.population(DEFAULT)
    assert list(ceilings) == [
        "audio",
        "text",
        "face",
        "audio+text",
        "audio+face",
        "text+face",
        "audio+text+face",
    ]
    assert ceilings["audio"] == 0.75 and ceilings["text"] == 0.65 and ceilings["face"] == 0.7
    assert ceilings["audio+text+face"] == pytest.approx(0.850625, abs=1e-12)


@given(few)
@settings(max_examples=25, deadline=None)
def test_ceilings_are_the_enumeration(held):
    expected = by_hand(held)
    ceilings = bayes_ceilings.population(held)
    assert ceilings == pytest.approx(
        {bayes_ceilings.name_of(subset): each for subset, each in expected.items()}
    )


@given(few)
@settings(max_examples=40, deadline=None)
def test_more_modalities_are_never_worse_and_none_is_worse_than_chance(held):
    ceilings = bayes_ceilings.population(held)
    assert min(ceilings.values()) >= 1 / 4 - 1e-9 and max(ceilings.values()) <= 1 + 1e-9
    for small, large in itertools.combinations(bayes_ceilings.subsets(), 2):
        if set(small) < set(large):
            assert ceilings[bayes_ceilings.name_of(small)] <= ceilings[bayes_ceilings.name_of(large)] + 1e-9


@given(few)
def test_json_brings_the_same_truth_back(held):
    assert Truth.from_json(json.loads(json.dumps(held.as_json() | {"population": {}}))) == held


@given(st.integers(0, 6), st.floats(1 / 7, 1), st.integers(0, 2**32))
def test_display_is_a_class(true, reliability, seed):
    assert display_sampling.display(true, reliability, np.random.default_rng(seed)) in range(7)


def test_display_shows_the_truth_as_often_as_planted_and_else_any_other_alike():
    generator = np.random.default_rng(3)
    shown = (
        np.bincount([display_sampling.display(2, 0.7, generator) for _ in range(20000)], minlength=7) / 20000
    )
    assert shown[2] == pytest.approx(0.7, abs=0.015)
    assert np.delete(shown, 2) == pytest.approx(0.05, abs=0.006)


def drawn(held: Truth, count: int, seed: int = 0) -> pd.DataFrame:
    """What so many utterances display, without missing modalities."""
    generator = np.random.default_rng(seed)
    rows = []
    for number, emotion in enumerate(generator.integers(len(held.classes), size=count)):
        shown = display_sampling.draw(held, int(emotion), generator)
        cast = display_sampling.votes(held, int(emotion), generator)
        label = display_sampling.consensus(cast) if cast and not held.acted else held.classes[emotion]
        rows.append({"utterance_id": f"c/{number:05d}", "label": label, **shown})
    return pd.DataFrame(rows)


@pytest.mark.parametrize("relation", truth.RELATIONS)
@pytest.mark.parametrize("raters", [0, 3])
def test_what_is_drawn_reaches_the_ceilings_and_no_more(relation, raters):
    held = Truth(DEFAULT.reliability, relation=relation, raters=raters, agreement=0.8 if raters else 1.0)
    scores = bayes_ceilings.oracle(drawn(held, 6000), held).groupby("subset")["correct"].mean()
    for subset, ceiling in bayes_ceilings.population(held).items():
        assert scores[subset] == pytest.approx(ceiling, abs=0.022), subset  # 3.5 standard errors


def test_interacting_displays_tell_nothing_alone():
    ceilings = bayes_ceilings.population(
        Truth(dict.fromkeys(MODALITIES, 1.0) | {"face": 1 / 7}, relation="interacting")
    )
    assert ceilings["audio"] == ceilings["text"] == ceilings["face"] == pytest.approx(1 / 7)
    assert ceilings["audio+text"] == pytest.approx(1)
    assert ceilings["audio+face"] == ceilings["text+face"] == pytest.approx(1 / 7)


def test_complementary_displays_tell_parts_alone_and_all_together():
    ceilings = bayes_ceilings.population(Truth(dict.fromkeys(MODALITIES, 1.0), relation="complementary"))
    assert ceilings["audio"] == pytest.approx((3 + 1) / 7)  # three classes of its own, and one guess
    assert ceilings["text"] == ceilings["face"] == pytest.approx((2 + 1) / 7)
    assert ceilings["audio"] < ceilings["audio+text"] < ceilings["audio+text+face"] == pytest.approx(1)


def test_a_mute_text_is_at_chance_and_helps_nobody():
    held = Truth({"audio": 0.8, "face": 0.7, "text": 0.9}, mute=("text",), relation="interacting")
    assert held.pair == ("audio", "face") and held.telling == ("audio", "face")
    ceilings = bayes_ceilings.population(held)
    assert ceilings["text"] == pytest.approx(1 / 7)
    assert ceilings["audio+text+face"] == ceilings["audio+face"] > 0.5
    scores = bayes_ceilings.oracle(drawn(held, 50), held)
    assert set(scores.loc[scores["subset"] == "text", "prediction"]) == {"anger"}


def test_consensus():
    assert display_sampling.consensus(["fear", "anger", "anger"]) == "anger"
    assert display_sampling.consensus(["fear", "anger"]) == "fear"
    assert display_sampling.consensus(["sadness", "anger", "fear", "anger", "fear"]) == "anger"


def test_ties_go_to_the_first_class_whatever_the_order_of_the_modalities():
    two = MODALITIES[:2]
    alike = Truth(dict.fromkeys(two, 0.7))
    assert bayes_ceilings.decide(alike, two, np.array([[4, 2], [2, 4]])).tolist() == [2, 2]
    assert bayes_ceilings.decide(alike, two[::-1], np.array([[4, 2], [2, 4]])).tolist() == [2, 2]
    three = Truth(dict.fromkeys(MODALITIES, 0.6))
    assert bayes_ceilings.decide(three, MODALITIES, np.array([[5, 3, 1]])).tolist() == [1]


def test_two_that_agree_outvote_one_that_is_a_little_more_reliable():
    shown = np.array([[0, 3, 3], [0, 3, 4], [-1, 3, 4], [0, 3, -1], [-1, -1, -1]])
    assert bayes_ceilings.decide(DEFAULT, MODALITIES, shown).tolist() == [3, 0, 4, 0, 0]


def test_the_oracle_does_not_depend_on_the_order_of_the_displays():
    table = drawn(DEFAULT, 500)
    scores = bayes_ceilings.oracle(table, DEFAULT)
    assert scores.equals(bayes_ceilings.oracle(table.sample(frac=1, random_state=1), DEFAULT))
    assert (scores[scores["subset"] == "text"]["prediction"].to_numpy() == table["text"].to_numpy()).all()


def test_a_missing_display_is_as_if_the_modality_were_not_looked_at():
    table = drawn(DEFAULT, 300)
    without = table.assign(face=None)
    scores = bayes_ceilings.oracle(without, DEFAULT).set_index("subset")["prediction"]
    whole = bayes_ceilings.oracle(table, DEFAULT).set_index("subset")["prediction"]
    assert scores["audio+text+face"].tolist() == whole["audio+text"].tolist()
    assert set(scores["face"]) == {EMOTION7[0]}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"reliability": {"audio": 0.7, "face": 1.2}}, "face is 1.2; it must be from 0.143 (chance) to 1"),
        ({"reliability": {"audio": 0.0}}, "audio is 0.0"),
        ({"relation": "related"}, "it must be one of redundant, complementary, interacting"),
        (
            {"reliability": {"audio": 0.7}, "relation": "interacting"},
            "need two informative modalities",
        ),
        ({"missing": 1}, "missing is 1"),
        ({"raters": 10}, "there can be 0 to 9"),
        ({"agreement": 0.1}, "agreement is 0.1"),
    ],
)
def test_what_cannot_be_planted(wrong, said):
    with pytest.raises(CorpusError, match=re.escape(said)):
        Truth(**{"reliability": DEFAULT.reliability} | wrong)
