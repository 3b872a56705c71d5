"""Which candidate comes first where validation tells them apart, and where it does not."""

import documents
import pytest
import torch
from emoflow.search.choice import Candidate, first
from emoflow.search.cohort import resolution
from emoflow.search.results import choose
from emoflow.training.metrics import unweighted_recall
from hypothesis import given
from hypothesis import strategies as st
from made_trials import outcome, trial

scores = st.integers(0, 20).map(lambda n: n / 20)
candidates = st.lists(st.tuples(scores, scores, st.integers(1, 3)), min_size=1, max_size=8).map(
    lambda each: [Candidate(i, *one) for i, one in enumerate(each)]
)


@given(candidates, st.sampled_from([0.0, 0.05, 0.1]))
def test_the_first_is_within_one_utterance_of_the_best_and_none_of_those_has_a_lower_loss(given_, step):
    key, decision = first(given_, step)
    highest = max(each.ua for each in given_)
    equal = [each for each in given_ if each.ua > highest - step - 1e-9]
    winner = given_[key]
    assert winner in equal and decision.equal == len(equal)
    assert (winner.loss, winner.parameters, winner.key) == min((c.loss, c.parameters, c.key) for c in equal)
    assert (decision.by == "ua") == (len(equal) == 1)
    assert first(given_, 0.0)[1].equal <= decision.equal


@pytest.mark.parametrize(
    ("second", "by"),
    [
        (Candidate(1, 0.80, 0.1, 1), "ua"),
        (Candidate(1, 0.88, 0.9, 1), "loss"),
        (Candidate(1, 0.90, 0.5, 9), "parameters"),
        (Candidate(1, 0.88, 0.5, 5), "order"),
    ],
)
def test_what_decided_is_said(second, by):
    key, decision = first([Candidate(0, 0.90, 0.5, 5), second], 0.05)
    assert (key, decision.by) == (0, by)


def test_where_all_are_recognised_the_loss_decides():
    saturated = {
        ("audio", 0): outcome(trial(0, 1.0, 0.4), trial(1, 0.99, 0.1), trial(2, 0.9, 0.0), resolution=0.02)
    }
    best = choose(saturated, absent={}, modalities=["audio"], budget=documents.budget(folds=1))
    held = best.strategies["audio"].folds[0]
    assert held.trial == 1 and held.decision.model_dump() == {"by": "loss", "equal": 2}


def test_over_the_folds_one_utterance_changes_less():
    """0.015 less in UA are within one utterance of a fold, and outside of one of two folds together."""
    folds = {
        ("audio", fold): outcome(trial(0, 0.9, 0.5), trial(1, 0.885, 0.4), resolution=0.02) for fold in (0, 1)
    }
    held = choose(folds, absent={}, modalities=["audio"], budget=documents.budget(folds=2)).strategies[
        "audio"
    ]
    assert held.folds[0].trial == 1 and held.across_folds.trial == 0


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_the_resolution_is_what_one_utterance_of_the_rarest_class_changes(classes):
    target = torch.tensor(classes)
    counts = torch.bincount(target, minlength=4)
    rarest = int(torch.where(counts > 0, counts, 99).argmin())
    said = torch.nn.functional.one_hot(target, 4).double()
    missed = said.clone()
    missed[int((target == rarest).nonzero()[0])] = torch.nn.functional.one_hot(
        torch.tensor((rarest + 1) % 4), 4
    )
    lost = unweighted_recall(said, target) - unweighted_recall(missed.double(), target)
    assert resolution(target) == pytest.approx(float(lost))


def test_the_losses_of_two_strategies_are_compared_only_where_their_ua_is_the_same():
    def put_first(ua: float) -> tuple[str, str]:
        made = {"audio": trial(0, 0.9, 0.5), "face": trial(0, ua, 0.4)}
        outcomes = {(name, 0): outcome(each, resolution=0.02) for name, each in made.items()}
        best = choose(outcomes, absent={}, modalities=["audio"], budget=documents.budget(folds=1))
        assert best.best == best.per_fold_best[0] and best.decision == best.per_fold_decision[0]
        return best.best, best.decision.by

    assert put_first(0.89) == ("audio", "ua")
    assert put_first(0.9) == ("face", "loss")
