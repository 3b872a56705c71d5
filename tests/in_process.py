"""Stages and encoders in this process, and the search without Ray: for tests of what these make of their inputs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType

import pytest
from emoflow.encoders.parallel import begin, encode
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
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("EMOFLOW_DEVICE", "cpu")
        patch.setenv("EMOFLOW_WORKERS", "1")
        patch.setattr(sys, "argv", ["stage", *arguments])
        patch.setattr("emoflow.search.run.run_cohorts", one_after_another)
        patch.setattr("emoflow.search.run.ray_of", lambda site: nullcontext())
        for stage in stages:
            stage.main()


@contextmanager
def encoding_here() -> Iterator[None]:
    """Feature extraction without processes of its own."""

    def run_jobs(jobs, *, recipes, cache, workers):
        begin(recipes, cache.root)
        for job in jobs:
            encode(job)
            yield job

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setattr("emoflow.encoders.jobs.run_jobs", run_jobs)
        yield
