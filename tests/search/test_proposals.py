"""Batches of proposals: the same for the same past, and better for a telling one."""

from dataclasses import replace

import pytest
import yaml
from conftest import ROOT
from emoflow import params
from emoflow.errors import ParamsError
from emoflow.fusion.strategy import Choice, Log, Uniform
from emoflow.search.outcome import Outcome, Trial, joined
from emoflow.search.plan import Plan
from emoflow.search.proposals import batch_sizes, propose
from hypothesis import given
from hypothesis import strategies as st
from made_trials import outcome, peak, trial

SPACE = {"dropout": Uniform(0.1, 0.9), "learning_rate": Log(1e-4, 1e-1), "layers": Choice((1, 2))}
PLAN = Plan(
    strategies=["audio", "late-average"],
    folds=[0, 1],
    modalities=["audio", "face"],
    configurations=10,
    epochs=4,
    halvings=1,
    seed=7,
    seeds=2,
    choose_by="mean",
    space={},
    proposals="tpe",
    batches=3,
    evolve=False,
    patience=None,
)


def told(number: int, config: dict, ua: float | None, status: str = "finished") -> Trial:
    epochs = 4 if status == "finished" else 2
    return trial(number, ua, status=status, config=config, epoch=1, epochs=epochs, seeds=2)


def run_batches(plan: Plan, score) -> dict:
    done: dict = {}
    for batch in range(plan.batches):
        for cohort in plan.cohorts(batch, done):
            trials = [
                told(cohort.first + i, config, *score(cohort, config))
                for i, config in enumerate(cohort.configs)
            ]
            done.setdefault((cohort.strategy, cohort.fold), []).append((cohort, outcome(*trials)))
    return done


def by_dropout(cohort, config) -> tuple[float | None, str]:
    status = "failed" if config["smoothing"] > 0.19 else "stopped" if config["dropout"] > 0.5 else "finished"
    return None if status == "failed" else 1 - abs(config["dropout"] - 0.25), status


@given(configurations=st.integers(1, 50), batches=st.integers(1, 50))
def test_batches_are_as_even_as_can_be(configurations, batches):
    sizes = batch_sizes(configurations, min(batches, configurations))
    assert sum(sizes) == configurations and max(sizes) - min(sizes) <= 1 and min(sizes) >= 1


@pytest.mark.parametrize("method", ["spread", "random"])
def test_without_learning_the_batches_are_one_drawing_in_parts(method):
    def drawn(sizes, fold=0):
        return [
            config
            for batch in range(len(sizes))
            for config in propose(method, SPACE, sizes=sizes, batch=batch, key=["x", 7], fold=fold, past=[])
        ]

    assert drawn([12]) == drawn([4, 4, 4]) == drawn([4, 4, 4], fold=1)
    assert drawn([12])[:4] != propose(method, SPACE, sizes=[12], batch=0, key=["x", 8], fold=0, past=[])[:4]
    for config in drawn([12]):
        assert 0.1 <= config["dropout"] <= 0.9 and 1e-4 <= config["learning_rate"] <= 1e-1
        assert config["layers"] in (1, 2)


def test_every_strategy_and_fold_gets_as_many_with_the_same_seeds():
    done = run_batches(PLAN, by_dropout)
    for held in done.values():
        assert [len(cohort.configs) for cohort, _ in held] == [4, 3, 3]
        assert [cohort.seeds for cohort, _ in held] == [cohort.seeds for cohort, _ in done["audio", 0]]
        assert all(cohort.repeats == 2 for cohort, _ in held)
        assert [t.trial for t in joined(outcome for _, outcome in held).trials] == list(range(10))
    seeds = [seed for cohort, _ in done["audio", 0] for seed in cohort.seeds]
    assert len(set(seeds)) == 10


def test_what_goes_on_from_kept_outcomes_proposes_the_same():
    first, again = run_batches(PLAN, by_dropout), run_batches(PLAN, by_dropout)
    assert first == again
    kept = {
        key: [(cohort, Outcome.from_json(outcome.to_json())) for cohort, outcome in held[:2]]
        for key, held in first.items()
    }
    assert PLAN.cohorts(2, kept) == [held[2][0] for held in _as_planned(first)]


def _as_planned(done: dict) -> list:
    return [done[name, fold] for fold in PLAN.folds for name in PLAN.strategies]


def test_folds_learn_apart_but_begin_alike():
    done = run_batches(PLAN, by_dropout)
    (a, b) = (done["audio", fold] for fold in (0, 1))
    assert a[0][0].configs == b[0][0].configs
    assert a[1][0].configs != b[1][0].configs


def test_tpe_moves_towards_what_was_good():
    plan = replace(PLAN, configurations=60, batches=6, strategies=["audio"], folds=[0])
    ((held),) = run_batches(plan, by_dropout).values()
    off = [
        sum(abs(config["dropout"] - 0.25) for config in cohort.configs) / len(cohort.configs)
        for cohort, _ in held
    ]
    assert sum(off[-2:]) / 2 < 0.6 * off[0]


def test_a_configuration_that_was_changed_in_its_cohort_is_told_as_it_was_proposed():
    done = run_batches(PLAN, by_dropout)
    changed = {
        key: [
            (cohort, replace(was, trials=[replace(t, mean=peak(t.mean.ua)) for t in was.trials]))
            for cohort, was in held
        ]
        for key, held in done.items()
    }
    assert PLAN.cohorts(1, {k: v[:1] for k, v in changed.items()}) == PLAN.cohorts(
        1, {k: v[:1] for k, v in done.items()}
    )


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"batches": 13}, "batches is 13, configurations 12"),
        ({"proposals": "tpe"}, "learns from the batches before: set batches to 2 or more"),
        ({"proposals": "tpo", "batches": 2}, r"search\.proposals is 'tpo'.*'spread', 'random' or 'tpe'"),
        ({"evolve": True, "patience": 3}, "set patience to null"),
        ({"evolve": True, "halvings": 0}, "evolve goes by rungs"),
        ({"patience": 0}, r"search\.patience is 0"),
        ({"seeds": 0}, r"search\.seeds is 0"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, stated, said):
    held = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    held["search"] |= {"configurations": 12} | stated
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(held), encoding="utf-8")
    with pytest.raises(ParamsError, match=said):
        params.load(path)
