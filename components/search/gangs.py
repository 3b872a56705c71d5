"""Gangs on Ray: one Tune trial a gang, its outcome handed to the caller as soon as it is there."""

import gc
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..fusion.strategy import uses
from ..progress import track
from ..training.data import Rows
from ..training.memory import KEEP_MEMORY
from .gang import Gang, run_gang
from .outcome import Outcome

GANGS_PER_GPU = 4
RETRIES = 1
"""Of a gang whose process died (out of memory, a lost node)."""


@dataclass(frozen=True)
class FoldRows:
    """A fold's prepared training and validation rows. There is no field for the test."""

    training: Rows
    validation: Rows


def run_gangs(
    gangs: Sequence[Gang],
    folds: dict[int, FoldRows],
    *,
    modalities: Sequence[str],
    classes: int,
    workers: int,
    device: str,
    address: str | None,
    on_outcome: Callable[[Gang, Outcome], None],
) -> dict[int, str]:
    """Run all gangs; what one of them hits is no other's concern.

    Args:
        workers: processes of a local Ray; a cluster at ``address`` has its own.
        on_outcome: called here, in the driver, as each gang ends.

    Returns:
        ``{index of a gang that failed: why}``.
    """
    with _ray(workers=workers, address=address):
        import ray
        from ray import tune

        shared = {
            "gangs": list(gangs),
            "folds": {fold: ray.put(_arrays(rows)) for fold, rows in folds.items()},
            "modalities": list(modalities),
            "classes": classes,
            "device": device,
        }
        resources = {"cpu": 1, "gpu": 1 / GANGS_PER_GPU if device == "cuda" else 0}
        with tempfile.TemporaryDirectory(prefix="emoflow-tune-") as storage:
            tuner = tune.Tuner(
                tune.with_resources(tune.with_parameters(_trainable, shared=shared), resources),
                param_space={"gang": tune.grid_search(list(range(len(gangs))))},
                tune_config=tune.TuneConfig(reuse_actors=True),
                run_config=tune.RunConfig(
                    storage_path=storage,
                    verbose=0,
                    failure_config=tune.FailureConfig(max_failures=RETRIES),
                    callbacks=[_forwarder(gangs, on_outcome)],
                ),
            )
            results = tuner.fit()
    failed = {}
    for result in results:
        if result.error is not None:
            failed[result.config["gang"]] = (str(result.error).strip().splitlines() or ["?"])[-1]
        elif "error" in (result.metrics or {}):
            failed[result.config["gang"]] = result.metrics["error"]
    return failed


def _trainable(config: dict, shared: dict) -> None:
    """Runs in a Ray worker."""
    import ray
    import torch
    from ray import tune

    gc.freeze()  # what is imported stays: the collector need not look at it again
    torch.set_num_threads(1)  # the result must not depend on how many cores a machine has
    gang = shared["gangs"][config["gang"]]
    training, validation = (_rows(part) for part in ray.get(shared["folds"][gang.fold]))
    modalities = uses(gang.strategy, shared["modalities"])
    try:
        outcome = run_gang(
            gang,
            training=training.of(modalities),
            validation=validation.of(modalities),
            classes=shared["classes"],
            device=shared["device"],
        )
    except (RuntimeError, ValueError, AssertionError) as error:  # torch's out of memory is a RuntimeError
        tune.report({"error": f"{type(error).__name__}: {error}"})
        return
    tune.report({"outcome": outcome.to_json()})


def _forwarder(gangs: Sequence[Gang], on_outcome: Callable[[Gang, Outcome], None]):
    from ray.tune import Callback

    class Forwarder(Callback):
        def __init__(self):
            self.bar = track(range(len(gangs)), total=len(gangs), what="search, gangs")
            next(self.bar)

        def __getstate__(self):
            return {}  # Tune writes its callbacks down, for a restore that is not used here

        def on_trial_result(self, iteration, trials, trial, result, **info):
            if "outcome" in result:
                on_outcome(gangs[trial.config["gang"]], Outcome.from_json(result["outcome"]))

        def on_trial_complete(self, iteration, trials, trial, **info):
            next(self.bar, None)

    return Forwarder()


@contextmanager
def _ray(*, workers: int, address: str | None) -> Iterator[None]:
    """A Ray of our own on loopback, or the cluster at ``address``; left on any way out."""
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # the new one prints tables even where it is asked for nothing
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # Ctrl-C ends the stage, and Ray with it
    os.environ["TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    environment: dict[str, Any] = {"env_vars": {"OMP_NUM_THREADS": "1"} | KEEP_MEMORY}
    options: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    if address:
        package = Path(__file__).resolve().parent.parent
        options |= {"address": address, "runtime_env": environment | {"py_modules": [str(package)]}}
    else:
        options |= {
            "address": "local",
            "num_cpus": workers,
            "include_dashboard": False,
            "_node_ip_address": "127.0.0.1",
            "runtime_env": environment,
        }
    ray.init(**options)
    try:
        yield
    finally:
        ray.shutdown()


def _arrays(rows: FoldRows) -> list[dict[str, Any]]:
    """As numpy arrays, which Ray's workers read where they lie in shared memory."""
    return [
        {
            "tokens": {name: x.numpy() for name, x in part.tokens.items()},
            "present": {name: x.numpy() for name, x in part.present.items()},
            "target": part.target.numpy(),
        }
        for part in (rows.training, rows.validation)
    ]


def _rows(arrays: dict[str, Any]) -> Rows:
    import torch

    def tensor(x: np.ndarray):
        return torch.from_numpy(x.copy())  # shared memory is read-only, which torch has no word for

    return Rows(
        {name: tensor(x) for name, x in arrays["tokens"].items()},
        {name: tensor(x) for name, x in arrays["present"].items()},
        tensor(arrays["target"]),
    )
