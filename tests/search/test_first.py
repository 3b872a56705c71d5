"""Which strategy validation puts first, and which it may not."""

import documents
import pytest
from emoflow.errors import SearchError
from emoflow.schema import BASELINES
from emoflow.search.results import choose
from emoflow.search.space import check_names
from made_trials import outcome, trial


def chosen(**ua: float) -> dict:
    outcomes = {(name, fold): outcome(trial(0, value)) for name, value in ua.items() for fold in (0, 1)}
    return choose(outcomes, absent={}, modalities=["audio"], budget=documents.budget())


@pytest.mark.parametrize("baseline", BASELINES)
def test_a_baseline_is_never_put_first(baseline):
    held = chosen(audio=0.1, face=0.2, **{baseline: 0.9})
    assert held.best == "face" and set(held.per_fold_best.values()) == {"face"}
    assert held.strategies[baseline].validation.ua == 0.9


def test_baselines_alone_are_nothing_to_choose_from():
    with pytest.raises(SearchError, match="nothing to choose from"):
        chosen(majority=0.3, chance=0.2)
    with pytest.raises(SearchError, match="learn nothing"):
        check_names(["majority", "chance"], ["audio"], {})
