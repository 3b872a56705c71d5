"""Configurations that get no better leave early; whoever stays is trained as if nobody had left."""

import pytest
from emoflow.search.curves import smoothed
from emoflow.search.space import member_seed, repeated_seed
from emoflow.training.population import Member, Population
from small_cohort import cohort, drawn, rows


@pytest.mark.slow
def test_without_a_better_epoch_a_configuration_leaves_and_may_still_be_chosen():
    configs = [
        config | {"learning_rate": rate}
        for config, rate in zip(drawn(4), (1e-7, 1e-2, 1e-2, 0.3), strict=True)
    ]
    whole = cohort(configs, halvings=0, epochs=20)
    cut = cohort(configs, halvings=0, epochs=20, patience=3)
    assert {t.status for t in cut.trials} == {"finished"}
    left = [t for t in cut.trials if t.epochs < 20]
    assert left and all(t.reason == "no better for 3 epochs" for t in left)
    for t in left:
        ua, loss = (smoothed(cut.curves[t.trial][0][name]) for name in ("ua", "loss"))
        assert max(ua.argmax(), loss.argmin()) + 3 == len(ua) - 1
    for t in cut.trials:
        mine, theirs = cut.curves[t.trial][0]["loss"], whole.curves[t.trial][0]["loss"]
        assert mine == pytest.approx(theirs[: t.epochs], abs=1e-4)


@pytest.mark.slow
def test_who_lost_patience_is_still_ranked_at_the_rungs():
    outcome = cohort(
        [config | {"learning_rate": 0.3} for config in drawn(4)], epochs=32, halvings=1, patience=1
    )
    assert max(t.epochs for t in outcome.trials) < 16
    assert sorted(t.status for t in outcome.trials) == ["finished", "finished", "stopped", "stopped"]
    best = {t.trial for t in sorted(outcome.trials, key=lambda t: t.rank)[:2]}
    assert {t.trial for t in outcome.trials if t.status == "finished"} == best


def test_the_seeds_of_a_configuration_go_and_stay_together():
    outcome = cohort(drawn(), repeats=3)
    for t in outcome.trials:
        assert len(t.scores) == 3
        assert {len(curve["ua"]) for curve in outcome.curves[t.trial]} == {t.epochs}
        assert t.mean.ua == pytest.approx(sum(s.ua for s in t.scores) / 3, abs=2e-6)
        assert len({s.loss for s in t.scores}) == 3
    assert sorted(t.epochs for t in outcome.trials) == [2, 2, 2, 4, 8, 8]


@pytest.mark.slow
def test_each_seed_of_a_configuration_is_as_it_would_be_alone():
    outcome = cohort(drawn(2), repeats=2, halvings=0, epochs=3)
    for i, config in enumerate(drawn(2)):
        for repeat in range(2):
            member = Member(config, repeated_seed(member_seed(7, i), repeat))
            alone = Population("late-weighted", [member], dimensions={"audio": 6, "face": 4}, classes=3)
            made = alone.fit(rows(120, 1), epochs=3, validation=rows(60, 2))
            assert outcome.curves[i][repeat]["loss"] == pytest.approx(
                [each[0] for each in made.loss], abs=1e-4
            )


def test_where_one_seed_diverges_the_configuration_fails():
    configs = drawn(3)
    configs[1]["learning_rate"] = float("inf")
    outcome = cohort(configs, repeats=2, halvings=0, epochs=2)
    assert [t.status for t in outcome.trials] == ["finished", "failed", "finished"]
    assert all(s.ua is None for s in outcome.trials[1].scores)
