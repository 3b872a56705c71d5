"""Stages in this process, without workers and without Ray: for tests of what they make of their inputs."""

import sys
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType

import pytest
from emoflow.fusion.strategy import uses
from emoflow.search.cohort import run_cohort


def one_after_another(cohorts, folds, *, modalities, classes, site, on_outcome, what) -> dict[int, str]:
    """The search's cohorts in this process."""
    for cohort in cohorts:
        rows, taken = folds[cohort.fold].open(), uses(cohort.strategy, modalities)
        parts = {"training": rows.training.of(taken), "validation": rows.validation.of(taken)}
        on_outcome(cohort, run_cohort(cohort, classes=classes, **parts))
    return {}


def run_stages(root: Path, *stages: ModuleType, arguments: tuple[str, ...] = ()) -> None:
    """Run stages in the workspace ``root``, one after the other.

    Args:
        root: of the workspace.
        stages: modules of ``emoflow.stages``.
        arguments: of the stages' commands.
    """
    with pytest.MonkeyPatch.context() as patch, no_processes():
        patch.chdir(root)
        patch.setenv("EMOFLOW_DEVICE", "cpu")
        patch.setenv("EMOFLOW_WORKERS", "1")
        patch.setattr(sys, "argv", ["stage", *arguments])
        patch.setattr("emoflow.search.run.run_cohorts", one_after_another)
        patch.setattr("emoflow.search.run.ray_of", lambda site: nullcontext())
        for stage in stages:
            stage.main()


@contextmanager
def no_processes() -> Iterator[None]:
    """Encoders and refits in this process, where the stages start workers."""

    class Pool:
        def submit(self, function, *arguments) -> Future:
            future = Future()
            future.set_result(function(*arguments))
            return future

    @contextmanager
    def pool(workers, initializer, *arguments):
        initializer(*arguments)
        yield Pool()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # as the encoders' initializer does
        for module in ("encoders.parallel", "training.workers", "training.tuning.jobs"):
            patch.setattr(f"emoflow.{module}.process_pool", pool)
        yield
