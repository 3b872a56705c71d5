"""Recorded steps: what a GPU replays is what Python would have launched, whatever changes on the way.

The recorder is a tape of a CPU's operations (`tape`), which keeps to a CUDA graph's rules.
"""

from functools import partial

import pytest
import simulated_rows
import torch
from emoflow.fusion.strategy import uses
from emoflow.search import cohort as cohort_module
from emoflow.training import train_step
from emoflow.training.launcher import WARM_UP, Launcher
from emoflow.training.population import Member, Population
from everything_on import EVERYTHING, rows
from simulated_rows import CLASSES, SHAPE, SIZES
from small_cohort import cohort, drawn
from tape import Tapes

FEW = {"learning_rate": 3e-3, "dropout": 0.2, "smoothing": 0.1}


def never(device: str) -> None:
    """No recorder."""


def population(recorder, strategy: str = "early-concatenation", *, base=FEW, members: int = 3) -> Population:
    dimensions = {name: SIZES[name] for name in uses(strategy, tuple(SIZES))}
    configs = [SHAPE | base | {"learning_rate": rate} for rate in (3e-3, 1e-3, 6e-3)[:members]]
    each = [Member(config, seed=100 + i) for i, config in enumerate(configs)]
    return Population(strategy, each, dimensions=dimensions, classes=CLASSES, recorder=recorder)


def both(change=lambda made: None, **options) -> tuple[Population, Population, Tapes]:
    """The same training recorded and not, with a change between its two parts."""
    tapes, made = Tapes(), []
    for recorder in (tapes, never):
        made.append(population(recorder, **options))
        made[-1].fit(rows(150, 1), epochs=2)
        change(made[-1])
        made[-1].fit(rows(150, 1), epochs=1)
    return *made, tapes


def same(one: Population, other: Population) -> None:
    unseen = simulated_rows.rows(60, 9).of(one.model.modalities)
    torch.testing.assert_close(one.evaluate(unseen), other.evaluate(unseen), atol=1e-5, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["single-stream", "gradual", "majority"])
def test_replays_do_what_python_would_have_launched(strategy):
    modalities = uses(strategy, tuple(SIZES))
    tapes = Tapes()
    recorded, launched = (population(x, strategy, base=EVERYTHING, members=2) for x in (tapes, never))
    training, validation = rows(110, 1).of(modalities), simulated_rows.rows(60, 7).of(modalities)
    curves = [pop.fit(training, epochs=3, validation=validation) for pop in (recorded, launched)]
    assert (tapes.warmed, tapes.recorded, tapes.replayed) == (WARM_UP, 1, 6 - WARM_UP)
    assert torch.tensor(curves[0].train_loss).allclose(torch.tensor(curves[1].train_loss), atol=1e-5)
    assert torch.tensor(curves[0].loss).allclose(torch.tensor(curves[1].loss), atol=1e-5)
    same(recorded, launched)


def test_a_recording_is_kept_while_nothing_changes():
    tapes, data = Tapes(), rows(150, 1)
    pop = population(tapes)
    for _ in range(3):
        pop.fit(data, epochs=1, validation=simulated_rows.rows(60, 7))
    assert tapes.recorded == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda pop: pop.keep([2, 0]),
        lambda pop: pop.reconfigure([m.config | {"mixup": 0.3, "dropout": 0.0} for m in pop.members]),
        lambda pop: pop.take(0, pop, 2),
        lambda pop: pop.fit(rows(90, 3), epochs=1),
        lambda pop: pop.release(),
    ],
    ids=["halved", "reconfigured", "taken", "other rows", "released"],
)
def test_it_is_recorded_anew_when_something_changes(change):
    recorded, launched, tapes = both(change)
    assert tapes.recorded > 1
    same(recorded, launched)


def test_it_is_recorded_anew_when_buffers_are_set():
    def shift(pop):
        pop.stacked.set_buffers({"log_prior": pop.buffers["log_prior"] - 1.0})

    recorded, launched, tapes = both(shift, strategy="late-product")
    assert tapes.recorded == 2
    same(recorded, launched)


def test_a_driver_that_cannot_record_changes_nothing_but_says_so():
    tapes = Tapes(refuses="CUDA error: operation not supported\nfor debugging …")
    refused, launched = population(tapes), population(never)
    for pop in (refused, launched):
        pop.fit(rows(150, 1), epochs=2)
        pop.keep([1, 0])
        pop.fit(rows(150, 1), epochs=1)
    same(refused, launched)
    (notice,) = refused.notices
    assert "one by one" in notice
    assert notice.endswith("(CUDA error: operation not supported)")
    assert not launched.notices


def test_a_step_that_reads_a_number_back_is_launched_from_python(monkeypatch):
    expected = population(never)
    expected.fit(rows(150, 1), epochs=2)
    gather = train_step.gather

    def reading(*args, **options):
        batch = gather(*args, **options)
        float(batch.weight.sum())
        return batch

    monkeypatch.setattr(train_step, "gather", reading)
    found = population(Tapes())
    found.fit(rows(150, 1), epochs=2)
    same(found, expected)
    (notice,) = found.notices
    assert "a number is read back" in notice


def test_the_search_shows_that_nothing_was_recorded(monkeypatch):
    tapes = Tapes(refuses="no such function")
    monkeypatch.setattr(cohort_module, "Population", partial(Population, recorder=tapes))
    (notice,) = cohort(drawn(3), epochs=4, halvings=1).notices
    assert "no such function" in notice


@pytest.mark.slow
def test_a_search_records_for_each_rung(monkeypatch):
    whole = cohort(drawn(4), epochs=4, halvings=1)
    tapes = Tapes()
    monkeypatch.setattr(cohort_module, "Population", partial(Population, recorder=tapes))
    recorded = cohort(drawn(4), epochs=4, halvings=1)
    assert tapes.recorded >= 2
    for mine, theirs in zip(recorded.trials, whole.trials, strict=True):
        assert (mine.status, mine.epochs) == (theirs.status, theirs.epochs)
        (curve,), (expected,) = recorded.curves[mine.trial], whole.curves[theirs.trial]
        assert curve["loss"] == pytest.approx(expected["loss"], abs=1e-4)


def test_a_lack_of_memory_is_not_taken_for_a_step_that_cannot_be_recorded():
    class Full(Tapes):
        def record(self, launch):
            try:
                raise torch.OutOfMemoryError("CUDA out of memory")
            except torch.OutOfMemoryError:
                raise RuntimeError("the capture could not end") from None

    pop = population(Full())
    with pytest.raises(torch.OutOfMemoryError):
        pop.fit(rows(150, 1), epochs=2)


def test_the_tape_keeps_to_the_rules_of_a_cuda_graph():
    count, number, total = 0, torch.zeros(()), torch.zeros(2)

    def launch():
        nonlocal count
        count += 1
        total.add_(number * count)

    launcher = Launcher(Tapes())
    launcher.prepare(launch, [number, total])
    for i in range(6):
        number.fill_(i)
        launcher.launch()
    held = WARM_UP + 1  # Python's number as it was when it was recorded
    assert total.tolist() == [0 * 1 + 1 * 2 + 2 * 3 + held * (3 + 4 + 5)] * 2

    table = {"weights": torch.ones(2)}
    launcher.prepare(lambda: total.add_(table["weights"]), [table])
    for _ in range(WARM_UP + 1):
        launcher.launch()
    table["weights"] = torch.ones(2)
    with pytest.raises(AssertionError, match="no longer there"):
        launcher.launch()
