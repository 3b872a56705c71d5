"""Members that are tuned in worker processes, with progress by the step and a checkpoint after each epoch."""

import math
import os
import queue
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing.queues import Queue
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ...errors import SearchError
from ...fusion.preparation import Preparation
from ...fusion.strategy import uses
from ...process_pool import SPAWN, process_pool
from ...progress import track
from ..data import Rows
from ..memory import KEEP_MEMORY
from ..operations import operations
from ..predicted import DIMENSION
from ..refit import Choice, refit
from ..rows import Part, fit_preparation, prepare, read
from ..subsets import by_subset
from ..worker_start import start_worker
from ..workers import Context
from .learner import Opener, Tuning
from .live import Live, Stored
from .member import TunedMember, steps_per_epoch

POLL_S = 0.5


class Checkpoint(Protocol):
    """Where a member's state after its last whole epoch is kept. It is pickled to workers."""

    def read(self) -> dict[str, Tensor] | None:
        """The state; None where there is none."""

    def write(self, state: Mapping[str, Tensor]) -> None:
        """Replace the state."""

    def remove(self) -> None:
        """Remove the state, where there is one."""


@dataclass(frozen=True)
class TuneJob:
    """A member to tune.

    Attributes:
        choice: configuration and epochs of the frozen encoder's model, from which tuning starts.
        seed: of the member.
        train: what to train on.
        epochs: to tune for.
        checkpoint: where its state is kept.
        fold: whose rows these are; None: the model on all rows.
        validation: what to score before the first epoch and after each; None: nothing.
        test: what to score once; None: keep the weights instead, unless there is a validation.
        keep: whether to keep the weights of a job with test rows, too.
    """

    choice: Choice
    seed: int
    train: Part
    epochs: int
    checkpoint: Checkpoint
    fold: int | None = None
    validation: Part | None = None
    test: Part | None = None
    keep: bool = False


@dataclass(frozen=True)
class TuneContext:
    """What all jobs have in common. It is sent to each worker once.

    Attributes:
        common: as of refits with frozen encoders.
        tuning: how members are tuned.
        openers: encoder → what opens it; and the modality that it is of.
    """

    common: Context
    tuning: Tuning
    openers: Mapping[str, tuple[str, Opener]]


def run_jobs(
    jobs: Sequence[TuneJob], context: TuneContext, *, workers: int, what: str
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Run the jobs and yield ``(index, arrays)`` as each ends, while showing progress and the time left.

    One thread per process, so that the result does not depend on how many processes there are.

    Args:
        jobs: in any order.
        context: what they have in common.
        workers: number of processes.
        what: the progress is called.

    Yields:
        The job's index and its arrays: always ``seconds`` ``[]`` (of a job that was interrupted those since it went
        on). Of a job with validation rows ``ua`` and ``loss`` float64 ``[epochs + 1]``, the first before tuning, NaN
        from where it diverged; of one with test rows ``probabilities`` float64 ``[N, C]``, what
        `subsets.by_subset` and `operations` give, and ``dimension.<name>`` float32 ``[N]`` where they were learned; of
        another one, and where they are kept, the weights:
        ``member.…`` (the strategy's), ``tuned.<encoder>.…`` and ``preparation.…``. A job without validation rows that
        diverged has only its seconds.

    Raises:
        SearchError: a process died, or the model with frozen encoders diverged.
    """
    os.environ.update(KEEP_MEMORY)  # the workers' to inherit
    steps: Queue[int] = SPAWN.Queue()
    total = sum(each.epochs * _steps(each, context) for each in jobs) + len(jobs)
    with process_pool(min(workers, len(jobs)), _start, context, steps) as pool:
        waiting = {pool.submit(_run, job): i for i, job in enumerate(jobs)}
        try:
            for event in track(_events(waiting, steps), total=total, what=what):
                if event is not None:
                    yield event
        except BrokenProcessPool:
            raise SearchError(
                "a process that fine-tunes an encoder died, most likely for want of memory: in params.yaml raise "
                "train.tuning.accumulate or set train.tuning.checkpointing, or set EMOFLOW_WORKERS to fewer; then run "
                "the same command again (finished epochs are kept)"
            ) from None


def _events(
    waiting: Mapping[Future[dict[str, np.ndarray]], int], steps: "Queue[int]"
) -> Iterator[tuple[int, dict[str, np.ndarray]] | None]:
    """None for each step, and each result."""
    pending = set(waiting)
    while pending:
        yield from (None for _ in range(_done(steps)))
        for done in [each for each in pending if each.done()]:
            pending.remove(done)
            yield waiting[done], done.result()


def _done(steps: "Queue[int]") -> int:
    """Steps that workers have done; 0 where none did one in a while."""
    try:
        return steps.get(timeout=POLL_S)
    except queue.Empty:
        return 0


def _steps(job: TuneJob, context: TuneContext) -> int:
    return steps_per_epoch(len(job.train.labelled.ids), context.tuning)


_context: TuneContext
_advanced: "Queue[int]"


def _start(context: TuneContext, steps: "Queue[int]") -> None:
    global _context, _advanced
    _context, _advanced = context, steps
    steps.cancel_join_thread()  # whoever no longer reads must not hold a worker that ends
    start_worker()


@lru_cache(maxsize=1)
def _stored(train: Part, modalities: tuple[str, ...]) -> tuple[Stored, Preparation]:
    common = _context.common
    rows = common.targets.of(read(common.reader, train, modalities), train)
    layouts = {name: common.layouts[name] for name in modalities}
    preparation = fit_preparation(rows, layouts, common.reduction)
    return Stored(train.ids, replace(rows, posteriors=preparation.posteriors)), preparation


def _run(job: TuneJob) -> dict[str, np.ndarray]:
    began = time.perf_counter()
    common = _context.common
    modalities = uses(job.choice.strategy, common.modalities)
    stored, preparation = _stored(job.train, modalities)
    population = refit(
        job.choice,
        seeds=[job.seed],
        rows=prepare(preparation, stored.rows),
        classes=common.classes,
        device=common.device,
        fold=job.fold,
    )
    learners = {
        name: opener(job.seed, common.device)
        for name, (modality, opener) in _context.openers.items()
        if modality in modalities
    }
    layouts = {name: common.layouts[name] for name in modalities}
    live = Live(learners, layouts, preparation, common.device)
    live.check(stored)
    member = TunedMember(population, live, stored, _context.tuning, _advanced.put)
    found = _trained(member, job, modalities)
    return found | {"seconds": np.array(time.perf_counter() - began)}


def _trained(member: TunedMember, job: TuneJob, modalities: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Tune a member, from its checkpoint on where it has one, and take from it what the job asks for."""
    reader = _context.common.reader
    curve = torch.full((job.epochs + 1, 2), math.nan, dtype=torch.float64)
    validation = job.validation and Stored(job.validation.ids, read(reader, job.validation, modalities))
    before = job.checkpoint.read()
    if before is not None:
        curve = before.pop("curve")
        member.restore(before)
        member.advance(member.epoch * member.steps)
    elif validation:
        curve[0] = torch.tensor(member.validated(validation))
    while member.epoch < job.epochs and member.alive:
        member.train_epoch()
        if member.alive and validation:
            curve[member.epoch] = torch.tensor(member.validated(validation))
        if member.alive:
            job.checkpoint.write(member.state() | {"curve": curve})
    if validation:
        return {"ua": curve[:, 0].numpy(), "loss": curve[:, 1].numpy()}
    found: dict[str, np.ndarray] = {}
    if job.test is not None:
        found |= _scored(member, Stored(job.test.ids, read(reader, job.test, modalities)))
    if job.test is None or job.keep:
        state = {f"member.{name}": x for name, x in member.model().items()}
        state |= {f"tuned.{name}": x.detach() for name, x in member.weights.items()}
        state |= {f"preparation.{name}": x for name, x in member.live.preparation.state_dict().items()}
        found |= {name: x.cpu().numpy() for name, x in state.items()}
    sound = member.alive and all(np.isfinite(x).all() for x in found.values())
    return found if sound else {}


def _scored(member: TunedMember, test: Stored) -> dict[str, np.ndarray]:
    def score(rows: Rows) -> torch.Tensor:
        return member.logits(Stored(test.ids, rows)).double().softmax(-1)[None]

    found = {"probabilities": score(test.rows)[0].cpu().numpy()} | by_subset(score, test.rows)
    found |= {DIMENSION + name: x.cpu().numpy() for name, x in member.dimensions(test).items()}
    device, preparation = member.live.device, member.live.preparation
    return found | operations(member.stacked.model, preparation, test.rows.to(device), members=1)
