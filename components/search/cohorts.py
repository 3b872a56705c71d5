"""Cohorts on Ray: one Tune trial a cohort, its outcome handed to the caller as soon as it is there."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from ..errors import SearchError
from ..fusion.strategy import uses
from ..progress import track
from ..ray_cluster import Site, joined
from ..training.memory import KEEP_MEMORY, available
from ..training.worker_start import start_worker
from .cohort import Cohort, run_cohort
from .outcome import Outcome
from .shared_features import FoldFile, within_reach

if TYPE_CHECKING:
    from ray.tune import Callback

RETRIES = 2
"""Of a cohort whose process died: out of memory, a lost node."""


def ray_of(site: Site) -> AbstractContextManager[None]:
    """The Ray that cohorts run on, as a context that several calls of `run_cohorts` may share."""
    return joined(site, {"OMP_NUM_THREADS": "1"} | KEEP_MEMORY, needs=__name__)


def run_cohorts(
    cohorts: Sequence[Cohort],
    folds: Mapping[int, FoldFile],
    *,
    modalities: Sequence[str],
    classes: int,
    site: Site,
    on_outcome: Callable[[Cohort, Outcome], None],
    what: str = "search, populations",
) -> dict[int, str]:
    """Run all cohorts. One that fails does not affect the others.

    Args:
        cohorts: one Tune trial each.
        folds: each fold's prepared rows, of all the modalities.
        modalities: those that every fold can train on.
        classes: number of classes C.
        site: where they run.
        on_outcome: called in the driver as each cohort ends.
        what: label of the progress bar.

    Returns:
        ``{index of a cohort that failed: why}``.

    Raises:
        SettingsError: a cluster that cannot be used.
    """
    with ray_of(site):
        from ray import tune

        shared = {
            "cohorts": list(cohorts),
            "folds": within_reach(folds, site),
            "modalities": list(modalities),
            "classes": classes,
            "site": site,
        }
        with tempfile.TemporaryDirectory(prefix="emoflow-tune-") as storage:
            tuner = tune.Tuner(
                tune.with_resources(tune.with_parameters(_trainable, shared=shared), site.resources),
                param_space={"cohort": tune.grid_search(list(range(len(cohorts))))},
                tune_config=tune.TuneConfig(reuse_actors=True),
                run_config=tune.RunConfig(
                    storage_path=storage,
                    verbose=0,
                    failure_config=tune.FailureConfig(max_failures=RETRIES),
                    callbacks=[_forwarder(cohorts, on_outcome, what)],
                ),
            )
            results = tuner.fit()
    failed = {}
    for result in results:
        if result.error is not None:
            failed[result.config["cohort"]] = (str(result.error).strip().splitlines() or ["?"])[-1]
        elif "error" in (result.metrics or {}):
            failed[result.config["cohort"]] = result.metrics["error"]
    return failed


def _trainable(config: dict[str, Any], shared: dict[str, Any]) -> None:
    """Runs in a Ray worker."""
    import torch
    from ray import tune

    start_worker()
    cohort = shared["cohorts"][config["cohort"]]
    site = shared["site"]
    if site.device == "cuda":
        torch.cuda.set_per_process_memory_fraction(1 / site.processes_per_gpu)
    rows = shared["folds"][cohort.fold].open()
    modalities = uses(cohort.strategy, shared["modalities"])
    try:
        outcome = run_cohort(
            cohort,
            training=rows.training.of(modalities),
            validation=rows.validation.of(modalities),
            classes=shared["classes"],
            device=site.device,
            memory=available(site.device, share=_share(site)),
        )
    except SearchError as error:
        tune.report({"error": str(error)})
        return
    except (RuntimeError, ValueError, AssertionError) as error:
        tune.report({"error": f"{type(error).__name__}: {error}"})
        return
    tune.report({"outcome": outcome.to_json()})


def _share(site: Site) -> float:
    """Of a device's memory, for one of the cohorts that it trains at once."""
    if site.device == "cuda":
        return 1 / site.processes_per_gpu
    return 1 / ((os.cpu_count() or 1) if site.address else site.workers)


def _forwarder(
    cohorts: Sequence[Cohort], on_outcome: Callable[[Cohort, Outcome], None], what: str
) -> "Callback":
    """A Tune callback that hands on each outcome as it is reported."""
    from ray.tune import Callback

    class Forwarder(Callback):
        def __init__(self):
            self.bar = track(range(len(cohorts)), total=len(cohorts), what=what)
            next(self.bar)

        def __getstate__(self):
            return {}  # Tune writes its callbacks down, for a restore that is not used here

        def on_trial_result(self, iteration, trials, trial, result, **info):
            if "outcome" in result:
                on_outcome(cohorts[trial.config["cohort"]], Outcome.from_json(result["outcome"]))

        def on_trial_complete(self, iteration, trials, trial, **info):
            next(self.bar, None)

    return Forwarder()
