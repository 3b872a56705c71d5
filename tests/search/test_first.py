"""Which strategy validation puts first, and which it may not."""

import pytest

from components.schema import BASELINES
from components.search.outcome import Outcome, Score, Trial
from components.search.results import choose


def outcome(ua: float) -> Outcome:
    scores = {"wa": ua, "ua": ua, "loss": 1.0}
    trial = Trial(
        0, 0, {}, [], 1, 0, 4, "finished", "", best_epoch=4, fitted={}, scores=[Score(**scores)], **scores
    )
    return Outcome([trial], {0: []})


def chosen(**ua: float) -> dict:
    outcomes = {(name, fold): outcome(value) for name, value in ua.items() for fold in (0, 1)}
    return choose(outcomes, absent={}, modalities=["audio"], budget={})


@pytest.mark.parametrize("baseline", BASELINES)
def test_a_baseline_is_never_put_first(baseline):
    held = chosen(audio=0.1, face=0.2, **{baseline: 0.9})
    assert held["best"] == "face" and set(held["per_fold_best"].values()) == {"face"}
    assert held["strategies"][baseline]["validation"]["ua"] == 0.9


def test_where_there_is_nothing_but_baselines_the_better_one_is_first():
    assert chosen(majority=0.3, chance=0.2)["best"] == "majority"
