"""A population on a GPU: a member as it is alone, as on a CPU, and as without a recording, whatever is switched on."""

from functools import partial

import pytest
import simulated_rows
import torch
from conftest import absent
from emoflow.fusion.strategy import REGISTRY, uses
from emoflow.search import cohort as cohort_module
from emoflow.training.launcher import CudaGraphs, recorder_of
from emoflow.training.population import Member, Population
from everything_on import EVERYTHING, rows
from simulated_rows import CLASSES, SHAPE, SIZES
from small_cohort import cohort, drawn

EPOCHS = 3
TOLERANCE = 1e-5


@pytest.fixture(autouse=True)
def _gpu():
    if not torch.cuda.is_available():
        absent("gpu", "PyTorch finds no GPU")


def never(device: str) -> None:
    """No recorder."""


def population(strategy, which=(0, 1, 2), *, device="cuda", recorder=recorder_of, **changes) -> Population:
    dimensions = {name: SIZES[name] for name in uses(strategy, tuple(SIZES))}
    configs = [SHAPE | EVERYTHING | {"learning_rate": rate} | changes for rate in (3e-3, 1e-3, 6e-3)]
    members = [Member(configs[i], seed=100 + i) for i in which]
    return Population(
        strategy, members, dimensions=dimensions, classes=CLASSES, device=device, recorder=recorder
    )


def losses(made: Population, epochs: int = EPOCHS) -> torch.Tensor:
    """Of training and validation, ``[2, epochs, K]``; the rows are on the device, as a search has them."""
    modalities = made.model.modalities
    training, validation = (
        x.of(modalities).to(made.device) for x in (rows(150, 1), simulated_rows.rows(60, 7))
    )
    curves = made.fit(training, epochs=epochs, validation=validation)
    return torch.tensor([curves.train_loss, curves.loss])


class Counted(CudaGraphs):
    """Counts the recordings."""

    recorded = 0

    def record(self, launch):
        self.recorded += 1
        return super().record(launch)


@pytest.mark.parametrize("strategy", ["audio", *REGISTRY])
def test_alone_together_recorded_or_not_on_a_gpu_as_on_a_cpu(strategy):
    counted = Counted()
    recorded = population(strategy, recorder=lambda device: counted)
    found = losses(recorded)
    assert not recorded.notices
    assert counted.recorded == 1
    for name, other in {
        "launched from Python": losses(population(strategy, recorder=never)),
        "on a CPU": losses(population(strategy, device="cpu")),
        "alone": torch.cat([losses(population(strategy, [i])) for i in range(3)], dim=-1),
    }.items():
        torch.testing.assert_close(
            found, other, atol=TOLERANCE, rtol=TOLERANCE, msg=lambda m, name=name: f"{name}: {m}"
        )


@pytest.mark.parametrize("strategy", ["single-stream", "bottleneck", "low-rank-tensor"])
def test_first_weights_are_those_of_a_cpu_to_the_bit(strategy):
    alone, many = (population(strategy, which, device=x) for which, x in (([1], "cpu"), ([0, 1, 2], "cuda")))
    assert torch.equal(many.optimizer.flat[1].cpu(), alone.optimizer.flat[0])


@pytest.mark.parametrize("strategy", ["single-stream", "late-average"])
def test_products_in_bfloat16_are_recorded(strategy):
    found, other = (losses(population(strategy, recorder=x, bfloat16=1.0)) for x in (recorder_of, never))
    torch.testing.assert_close(found, other, atol=1e-3, rtol=1e-3)


def halve(made: Population) -> None:
    made.keep([2, 0])


def evolve(made: Population) -> None:
    made.take(1, made, 2)
    made.reconfigure([m.config | {"dropout": 0.4, "mixup": 0.0} for m in made.members])


@pytest.mark.parametrize("change", [halve, evolve])
def test_it_is_recorded_anew_after(change):
    counted, found = Counted(), []
    for recorder in (lambda device: counted, never):
        made = population("single-stream", recorder=recorder)
        losses(made)
        change(made)
        torch.cuda.empty_cache()  # what a stale recording would read is gone
        found.append(losses(made))
    assert counted.recorded == 2
    torch.testing.assert_close(*found, atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("options", [{}, {"patience": 1}, {"moves": {"dropout": (0.1, 0.6)}}])
def test_a_search_is_the_same_recorded_or_not(monkeypatch, options):
    outcomes = []
    for recorder in (recorder_of, never):
        monkeypatch.setattr(cohort_module, "Population", partial(Population, recorder=recorder))
        outcomes.append(cohort(drawn(6), epochs=8, halvings=1, device="cuda", **options))
    recorded, launched = outcomes
    assert not recorded.notices
    for mine, theirs in zip(recorded.trials, launched.trials, strict=True):
        assert (mine.status, mine.epochs) == (theirs.status, theirs.epochs)
        (curve,), (expected,) = recorded.curves[mine.trial], launched.curves[theirs.trial]
        assert curve["loss"] == pytest.approx(expected["loss"], abs=1e-4)


def test_a_step_that_reads_a_number_back_is_launched_from_python(monkeypatch):
    from emoflow.training import train_step

    gather = train_step.gather

    def reading(*args, **options):
        batch = gather(*args, **options)
        float(batch.weight.sum())
        return batch

    expected = losses(population("early-concatenation", recorder=never))
    monkeypatch.setattr(train_step, "gather", reading)
    made = population("early-concatenation")
    torch.testing.assert_close(losses(made), expected, atol=TOLERANCE, rtol=TOLERANCE)
    (notice,) = made.notices
    assert "no CUDA graph" in notice


def test_the_memory_of_a_recording_is_given_back():
    made = population("single-stream")
    losses(made)
    torch.cuda.empty_cache()
    held = torch.cuda.memory_reserved()
    made.release()
    torch.cuda.empty_cache()
    assert torch.cuda.memory_reserved() < held
