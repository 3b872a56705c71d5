"""Simulated annotators in worker processes; what is finished is kept, so that an interrupted run goes on."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

from ...errors import EvaluationError
from ...files import read_json, write_json
from ...fusion.strategy import uses
from ...process_pool import process_pool
from ...progress import track
from ...training.data import Rows
from ...training.memory import KEEP_MEMORY
from ...training.rows import Part, fit_preparation, prepare, read
from ...training.worker_start import start_worker
from ...training.workers import Context
from .annotator import Answers, annotate
from .plan import Simulation


def run(simulations: Sequence[Simulation], context: Context, work: Path, *, workers: int) -> list[Answers]:
    """Run them, showing how many are done, and keep each that is finished as a file.

    One thread a process, so that the outcome does not depend on their number.

    Args:
        simulations: those of one fold next to each other share its prepared features.
        context: what they have in common.
        work: the folder of what is finished: of the same data, code, budget and seeds.
        workers: number of processes.

    Returns:
        What came of each, in their order.

    Raises:
        SearchError: all members of an ensemble diverged.
        EvaluationError: a process died.
    """
    files = [work / f"{each.name}.json" for each in simulations]
    left = [i for i, file in enumerate(files) if not file.is_file()]
    if 0 < len(left) < len(files):
        before = f"{len(files) - len(left)} of {len(files)} simulations were finished before"
        print(f"active learning: {before}", file=sys.stderr)
    if left:
        os.environ.update(KEEP_MEMORY)  # the workers' to inherit
        with process_pool(min(workers, len(left)), _start, context) as pool:
            try:
                waiting = {pool.submit(_run, simulations[i]): i for i in left}
                for done in track(as_completed(waiting), total=len(left), what="active learning, annotators"):
                    write_json(files[waiting[done]], asdict(done.result()))
            except BrokenProcessPool:
                raise EvaluationError(
                    "a simulation's process died, most likely for want of memory: set EMOFLOW_WORKERS to fewer, and "
                    "run the same command again (finished simulations are kept)"
                ) from None
    return [Answers(**read_json(file)) for file in files]


_context: Context


def _start(context: Context) -> None:
    global _context
    _context = context
    start_worker()


@lru_cache(maxsize=1)
def _prepared(pool: Part, test: Part) -> tuple[Rows, Rows]:
    """A fold's rows. Scaling and reduction are fitted on all recordings of the pool, which takes no label of them."""
    training = _context.targets.of(read(_context.reader, pool, _context.modalities), pool)
    layouts = {name: _context.layouts[name] for name in _context.modalities}
    preparation = fit_preparation(training, layouts, _context.reduction)
    return prepare(preparation, training), prepare(
        preparation, read(_context.reader, test, _context.modalities)
    )


def _run(simulation: Simulation) -> Answers:
    pool, test = _prepared(simulation.pool, simulation.test)
    used = uses(simulation.choice.strategy, _context.modalities)
    return annotate(
        simulation, pool.of(used), test.of(used), classes=_context.classes, device=_context.device
    )
