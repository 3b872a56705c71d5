"""Refits in worker processes, which end with the one that started them, however it ends."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import SearchError
from ..fusion.model import members_state
from ..fusion.preparation import Layout, Preparation
from ..fusion.reduction import Reduction
from ..fusion.strategy import BASELINES, uses
from ..process_pool import process_pool
from .auxiliary_targets import AuxiliaryTargets
from .data import Rows
from .memory import KEEP_MEMORY
from .operations import operations
from .predicted import DIMENSION
from .refit import Choice, probabilities, refit
from .rows import Fold, Part, Reader, fit_preparation, prepare, read
from .subsets import by_subset
from .svm import choose as choose_svm
from .svm import probabilities as by_svm
from .worker_start import start_worker
from .zero_shot import Prompts, places
from .zero_shot import probabilities as by_prompts


@dataclass(frozen=True)
class Job:
    """A choice to refit.

    Attributes:
        choice: configuration and epochs.
        seeds: one per member.
        train: what to train on.
        test: what to score once; None: keep the weights instead.
        fold: whose rows these are; None: the model on all rows.
        keep: whether to keep the weights of a job with test rows, too.
    """

    choice: Choice
    seeds: tuple[int, ...]
    train: Part
    test: Part | None
    fold: int | None = None
    keep: bool = False


@dataclass(frozen=True)
class SvmJob:
    """A support vector machine on a fold: validation chooses, all seen rows are fitted on, the test is scored once.

    It learns from training rows, and so not from posteriors.
    """

    fold: Fold


@dataclass(frozen=True)
class Context:
    """What every job of a run has in common. It is sent to each worker once.

    Attributes:
        reader: reads stored tokens; it is pickled to the workers.
        layouts: ``{modality: [(block, size), …]}`` of the stored tokens.
        modalities: those that every fold can train on.
        classes: number of classes C.
        device: "cpu" or "cuda".
        reduction: how wide blocks are reduced.
        targets: votes, side targets and speakers.
        prompts: by which a zero-shot protocol recognises classes; None for any other protocol.
    """

    reader: Reader
    layouts: dict[str, Layout]
    modalities: tuple[str, ...]
    classes: int
    device: str
    reduction: Reduction
    targets: AuxiliaryTargets
    prompts: Prompts | None = None


def job_of(fold: Fold, choice: Choice, seeds: Sequence[int], *, keep: bool = False) -> Job:
    """The job that refits a choice on a fold's training and validation rows and scores its test rows."""
    return Job(choice, tuple(seeds), fold.seen, fold.test, fold.number, keep)


def run_jobs(
    jobs: Sequence[Job | SvmJob], context: Context, *, workers: int
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Run the jobs and yield ``(index, arrays)`` as each ends.

    One thread per process, so that the result does not depend on how many processes there are.

    Args:
        jobs: in any order; those of one fold next to each other share its preparation.
        context: what they have in common.
        workers: number of processes.

    Yields:
        The job's index and its arrays. ``seeds`` int64 ``[S]``: those of the members that did not diverge. Of a job
        with test rows also ``probabilities`` float64 ``[S, N, C]``, what `operations` gives, what `subsets.by_subset`
        gives of strategies that look at modalities, and ``dimension.<name>`` float32 ``[S, N]`` where valence, arousal
        and dominance were learned; of one without, and where they are kept, the tensors of `EmotionModel`'s state. Of a
        support vector machine ``probabilities`` float64 ``[1, N, C]`` alone.

    Raises:
        SearchError: every member of a job diverged, or a process died.
    """
    os.environ.update(KEEP_MEMORY)  # the workers' to inherit
    with process_pool(min(workers, len(jobs)), _start, context) as pool:
        try:
            waiting = {pool.submit(_run, job): i for i, job in enumerate(jobs)}
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        except BrokenProcessPool:
            raise SearchError(
                "a refit's process died, most likely for want of memory: set EMOFLOW_WORKERS to fewer, and run the "
                "same command again (finished refits are kept)"
            ) from None


_context: Context


def _start(context: Context) -> None:
    global _context
    _context = context
    start_worker()


@lru_cache(maxsize=1)
def _prepared(train: Part) -> tuple[Preparation, Rows]:
    """Jobs come fold by fold, so a worker prepares each fold's rows once."""
    rows = _context.targets.of(read(_context.reader, train, _context.modalities), train)
    layouts = {name: _context.layouts[name] for name in _context.modalities}
    preparation = fit_preparation(rows, layouts, _context.reduction)
    return preparation, prepare(preparation, rows)


def _run(job: Job | SvmJob) -> dict[str, np.ndarray]:
    return _run_svm(job.fold) if isinstance(job, SvmJob) else _refit(job)


def _run_svm(fold: Fold) -> dict[str, np.ndarray]:
    preparation, training = _prepared(fold.train)
    learned = [name for name in _context.modalities if name not in training.posteriors]
    validation = prepare(preparation, read(_context.reader, fold.validation, learned))
    cost, temperature = choose_svm(training.of(learned), validation, classes=_context.classes)
    preparation, seen = _prepared(fold.seen)
    test = prepare(preparation, read(_context.reader, fold.test, learned))
    scored = by_svm(seen.of(learned), test, cost=cost, temperature=temperature, classes=_context.classes)
    return {"probabilities": scored[None]}


def _refit(job: Job) -> dict[str, np.ndarray]:
    modalities = uses(job.choice.strategy, _context.modalities)
    preparation, rows = _prepared(job.train)
    population = refit(
        job.choice,
        seeds=job.seeds,
        rows=rows.of(modalities),
        classes=_context.classes,
        device=_context.device,
        fold=job.fold,
    )
    for notice in population.notices:
        _say_once(notice)
    seeds = np.array([member.seed for member in population.members], dtype=np.int64)
    known = None
    if _context.prompts is not None and job.choice.strategy not in BASELINES:
        known = places(population, _context.prompts, preparation, rows.of(modalities))
    found = {"seeds": seeds}
    if job.test is not None:
        stored = read(_context.reader, job.test, modalities)
        test = prepare(preparation, stored)
        score = partial(probabilities, population)
        if known is not None:
            score = partial(by_prompts, population, known=known)
        found |= {"probabilities": score(test).numpy()}
        if job.choice.strategy not in BASELINES:  # which look at no modality
            found |= by_subset(score, test)
        found |= {DIMENSION + name: x.cpu().numpy() for name, x in population.dimensions(test).items()}
        # where it runs does not change the count; the rows and their preparation are on the CPU
        found |= operations(population.model.cpu(), preparation, stored, members=len(population))
        if not job.keep:
            return found
    state = members_state(population.state(), len(population))
    state |= {
        f"preparation.{name}": x
        for name, x in preparation.state_dict().items()
        if name.split(".")[1] in modalities
    }
    if known is not None:
        state |= {"prompts": known.prompts, "usual_words": known.usual}
    return found | {name: x.cpu().numpy() for name, x in state.items()}


@cache
def _say_once(notice: str) -> None:
    print(f"train: {notice}", file=sys.stderr, flush=True)


class Store(Protocol):
    """An open feature store."""

    def tokens(
        self, modality: str, ids: Sequence[str], folds: Sequence[int | None]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The utterances' tokens ``[N, T, D]``, and bool ``[N, T]``, whether there is one; of the folds named."""


Opener = Callable[[Path, tuple[str, ...]], Store]
"""``(root, corpora) → store``. A function of a module, since it is sent to workers."""


@dataclass(frozen=True)
class StoredReader:
    """A `Reader` that opens the feature store in the process that calls it, so that only paths are sent to workers.

    Attributes:
        opener: opens the features of these corpora.
        root: the folder that holds each corpus's features.
        corpora: their names.
    """

    opener: Opener
    root: Path
    corpora: tuple[str, ...]

    def __call__(
        self, modality: str, ids: Sequence[str], folds: Sequence[int | None]
    ) -> tuple[np.ndarray, np.ndarray]:
        return _opened(self.opener, self.root, self.corpora).tokens(modality, ids, folds)


@lru_cache(maxsize=1)
def _opened(opener: Opener, root: Path, corpora: tuple[str, ...]) -> Store:
    return opener(root, corpora)
