"""Configurations of several seeds, scored by the seeds' mean and by their ensemble."""

import documents
import numpy as np
import pytest
import torch
from emoflow.search.curves import centre, smoothed
from emoflow.search.ensemble import Ensembles
from emoflow.search.outcome import Outcome
from emoflow.search.results import choose, trials_table
from emoflow.search.space import member_seed, repeated_seed
from emoflow.training.population import Member, Population
from hypothesis import given
from hypothesis import strategies as st
from made_trials import outcome, peak, trial
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss
from small_cohort import cohort, drawn, rows

ROWS, CLASSES = 30, 3


@pytest.mark.slow
@given(
    configurations=st.integers(1, 4), seeds=st.integers(2, 5), part=st.integers(1, 9), seed=st.integers(0, 99)
)
def test_however_the_seeds_are_dealt_out_the_ensemble_is_the_mean_of_their_probabilities(
    configurations, seeds, part, seed
):
    generator = np.random.default_rng(seed)
    target = np.arange(ROWS) % CLASSES
    logits = generator.normal(0, 2, (configurations, seeds, ROWS, CLASSES))
    ids = [(i, k) for i in range(configurations) for k in range(seeds)]
    ensembles, scored = Ensembles(torch.tensor(target), seeds), {}
    for begin in range(0, len(ids), part):
        some = ids[begin : begin + part]
        given_ = torch.tensor(np.stack([logits[at] for at in some]))
        scored |= dict(ensembles.add(some, epoch=1, logits=given_))
    probabilities = torch.tensor(logits).softmax(-1).mean(1).numpy()
    for i in range(configurations):
        said = probabilities[i].argmax(-1)
        assert scored[i]["wa"] == pytest.approx(accuracy_score(target, said))
        assert scored[i]["ua"] == pytest.approx(balanced_accuracy_score(target, said))
        assert scored[i]["loss"] == pytest.approx(log_loss(target, probabilities[i]))
    assert not ensembles.sums


@pytest.mark.slow
def test_a_trial_has_the_score_of_its_ensemble_wherever_its_seeds_were_trained():
    configs = [config | {"layers": 1} for config in drawn(2)]
    options = {"repeats": 3, "halvings": 0, "epochs": 2}
    whole, parts = cohort(configs, **options), cohort(configs, memory=1, **options)
    assert any("1 at a time" in notice for notice in parts.notices)
    for i, config in enumerate(configs):
        members = [Member(config, repeated_seed(member_seed(7, i), k)) for k in range(3)]
        alone = Population("late-weighted", members, dimensions={"audio": 6, "face": 4}, classes=CLASSES)
        losses, validation = [], rows(60, 2)
        alone.fit(
            rows(120, 1),
            epochs=2,
            validation=validation,
            on_scored=lambda epoch, logits, losses=losses, target=validation.target: losses.append(
                log_loss(target, logits.double().softmax(-1).mean(0))
            ),
        )
        for made in (whole.trials[i], parts.trials[i]):
            window = made.ensemble.epoch - 1 - centre(2)
            assert made.ensemble.loss == pytest.approx(smoothed(losses)[window], abs=1e-4)
            assert made.ensemble.loss < made.mean.loss  # the log loss is convex
    assert Outcome.from_json(whole.to_json()) == whole


def test_one_seed_is_its_own_ensemble():
    for made in cohort(drawn(2), halvings=0, epochs=2).trials:
        assert made.ensemble == made.mean


def test_the_rule_ranks_the_configurations_at_the_rungs():
    options = {"repeats": 3, "epochs": 4, "halvings": 1, "choose_by": "ensemble"}
    made = cohort([config | {"layers": 1} for config in drawn(4)], **options)
    scored = cohort([config | {"layers": 1} for config in drawn(4)], **options | {"epochs": 2, "halvings": 0})
    ranked = sorted(scored.trials, key=lambda t: (-t.ensemble.ua, t.ensemble.loss))
    assert {t.trial for t in made.trials if t.status == "finished"} == {t.trial for t in ranked[:2]}


def both() -> dict[tuple[str, int], Outcome]:
    """By the mean of the seeds configuration 0 is first; on fold 1, by their ensemble, it is configuration 1."""
    better = peak(0.8, epoch=3, config={"dropout": 0.1})
    worse = peak(0.7, epoch=2, config={"dropout": 0.2})
    first = trial(0, 0.65, config={"dropout": 0.2}, seeds=2, ensemble=worse)
    second = trial(1, 0.6, config={"dropout": 0.1}, seeds=2)
    told = [
        outcome(first, second),
        outcome(first, trial(1, 0.6, seeds=2, config={"dropout": 0.1}, ensemble=better)),
    ]
    return {("audio", fold): each for fold, each in enumerate(told)}


def test_what_the_other_rule_would_have_chosen_is_kept():
    by_mean = choose(both(), absent={}, modalities=["audio"], budget=documents.budget(seeds=2))
    held = by_mean.strategies["audio"].folds
    assert [held[fold].trial for fold in (0, 1)] == [0, 0]
    assert (held[0].validation.ua, held[0].other.ua) == (0.65, 0.7)
    assert by_mean.other.choose_by == "ensemble"
    assert [(by_mean.other.folds[f].trial, by_mean.other.folds[f].epochs) for f in (0, 1)] == [(0, 2), (1, 3)]
    assert by_mean.other.folds[1].validation.ua == 0.8 and by_mean.other.folds[1].other.ua == 0.6

    swapped = {key: each.by("ensemble") for key, each in both().items()}
    budget = documents.budget(seeds=2, choose_by="ensemble")
    by_ensemble = choose(swapped, absent={}, modalities=["audio"], budget=budget)
    assert by_ensemble.strategies["audio"].folds == by_mean.other.folds
    assert by_ensemble.other.choose_by == "mean" and by_ensemble.other.folds == held

    alone = {("audio", 0): outcome(trial(0, 0.5))}
    one = choose(alone, absent={}, modalities=["audio"], budget=documents.budget())
    assert one.other is None and one.strategies["audio"].folds[0].other is None


def test_the_table_of_trials_has_both_scores():
    table = trials_table(both(), absent={"face": "nobody has it"}, count=2, folds=[0, 1], seeds=2)
    row = table[(table["strategy"] == "audio") & (table["fold"] == 1) & (table["trial"] == 1)]
    assert row["ua"].tolist() == [0.6, 0.6] and row["best_epoch"].tolist() == [4, 4]
    assert row["ensemble_ua"].tolist() == [0.8, 0.8] and row["ensemble_epoch"].tolist() == [3, 3]
    assert table.loc[table["strategy"] == "face", "ensemble_ua"].isna().all()
