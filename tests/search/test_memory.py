"""A cohort that memory does not hold is trained in parts, which changes nothing but the time."""

import pytest
import torch
from emoflow.errors import SearchError
from emoflow.training import footprint
from emoflow.training.footprint import member_bytes
from emoflow.training.memory import available, is_lack_of_memory
from emoflow.training.population import Member, Population
from small_cohort import SIZES, cohort, drawn, rows

MEGABYTE = 1 << 20


def same(parts, whole) -> None:
    assert [(t.trial, t.status, t.epochs) for t in parts.trials] == [
        (t.trial, t.status, t.epochs) for t in whole.trials
    ]
    for trial, curves in whole.curves.items():
        for mine, theirs in zip(parts.curves[trial], curves, strict=True):
            assert mine["loss"] == pytest.approx(theirs["loss"], abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("repeats", [1, 2])
def test_what_memory_does_not_hold_is_trained_in_parts(repeats):
    options = {"repeats": repeats, "epochs": 2, "halvings": 1}
    whole, parts = (cohort(drawn(3), memory=memory, **options) for memory in (64 * MEGABYTE, 1))
    assert not whole.notices
    assert any("members are trained 1 at a time" in notice for notice in parts.notices)
    same(parts, whole)


def test_evolution_goes_across_the_parts():
    options = {"epochs": 2, "halvings": 1, "moves": {"dropout": (0.2, 0.6)}}
    configs = [config | {"layers": 1} for config in drawn(4)]
    whole, parts = cohort(configs, **options), cohort(configs, memory=1, **options)
    assert any(t.schedule for t in whole.trials)
    assert [t.schedule for t in parts.trials] == [t.schedule for t in whole.trials]
    same(parts, whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA"), RuntimeError("you can't allocate memory: 12")]
)
def test_out_of_memory_begins_anew_with_half_as_many(monkeypatch, error):
    whole = cohort([config | {"layers": 1} for config in drawn(4)], epochs=2, halvings=1)
    fit = Population.fit

    def tight(self, *args, **options):
        if len(self) > 2:
            raise error
        return fit(self, *args, **options)

    monkeypatch.setattr(Population, "fit", tight)
    parts = cohort([config | {"layers": 1} for config in drawn(4)], epochs=2, halvings=1)
    assert parts.notices == ["out of memory: begun anew with 2 members at a time"]
    same(parts, whole)


def test_no_memory_for_one_says_so_and_another_error_is_itself(monkeypatch):
    def fails(error):
        def fit(self, *args, **options):
            raise error

        monkeypatch.setattr(Population, "fit", fit)

    fails(MemoryError())
    with pytest.raises(SearchError, match="no memory for a single configuration of late-weighted"):
        cohort(drawn(3))
    with pytest.raises(SearchError, match=r"no memory for a single .* state a smaller width"):
        cohort(drawn(3), memory=64 * MEGABYTE)  # when one is tried
    fails(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    for memory in (None, 64 * MEGABYTE):
        with pytest.raises(RuntimeError, match="cannot be multiplied"):
            cohort(drawn(3), memory=memory)


@pytest.mark.parametrize("strategy", ["late-average", "single-stream"])
def test_a_members_bytes_bound_what_a_population_takes(strategy):
    members = [Member({"width": 16, "layers": 1, "heads": 2, "dropout": 0.2}, seed) for seed in range(4)]
    training, validation = rows(320, 1), rows(100, 2)
    _, one = member_bytes(
        strategy, members[0], training=training, validation=validation, classes=3, device="cpu"
    )
    population = Population(strategy, members, dimensions=SIZES, classes=3)
    with footprint.Peak() as peak:
        population.fit(training, epochs=1, validation=validation)
    assert 0.5 * 4 * one < peak.most < 1.1 * 4 * one


def test_a_share_of_what_is_free():
    assert 0 < available("cpu", share=0.25) < available("cpu")
    assert not is_lack_of_memory(RuntimeError("shapes")) and not is_lack_of_memory(ValueError())
