"""A population on one GPU, against a plain loop and against processes that share the GPU.

    python -m benchmarks.gpu_population [--members 64 256 1024] [--processes 8 14] [--out FILE.json]
    python -m benchmarks.gpu_population --small     # runs through on a CPU; its figures say nothing

The fixed task (`benchmarks.task`), in under six minutes:

- plain: the loop that everybody writes, data on the device, one configuration after another;
- processes: that loop in several processes which share the GPU, without the costs of a scheduler;
- population: a cohort of K configurations, trained with and without recorded steps;
- launches: what a step launches from Python, by torch's profiler.

Each part is printed and written as it ends. Without a GPU no figures can be taken, and it ends with status 1.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import torch
from emoflow.search.cohort import Cohort, run_cohort
from emoflow.training.launcher import WARM_UP, Recorder, recorder_of
from emoflow.training.population import Population

from .population import flops_an_epoch, peak_flops
from .task import BATCH, CLASSES, DIMENSIONS, EPOCHS, FIXED, ROWS, members_of, rows, train_plain

STEPS = ROWS // BATCH
"""Of an epoch."""
EACH = 4
"""Configurations of the plain loop, in each process."""


def launched(device: str) -> Recorder | None:
    """No recorder: every step is launched from Python."""
    return None


def synchronise(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(work: Callable[[], Any], device: str) -> float:
    synchronise(device)
    began = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - began


def plain_loop(strategy: str, count: int, epochs: int, device: str) -> float:
    """Seconds of so many configurations one after another."""
    members = members_of(strategy, count)

    def train() -> None:
        for member in members:
            train_plain(strategy, member.config, fold=0, seed=member.seed, epochs=epochs, device=device)

    return seconds(train, device)


def plain(strategy: str, count: int, epochs: int, device: str) -> dict[str, float]:
    plain_loop(strategy, 1, 1, device)  # the device's libraries prepare themselves
    return {"seconds a configuration": plain_loop(strategy, count, epochs, device) / count}


def _share(strategy: str, count: int, epochs: int, device: str, together: Barrier) -> None:
    """Runs in a process of its own."""
    torch.set_num_threads(1)
    plain_loop(strategy, 1, 1, device)
    together.wait()
    plain_loop(strategy, count, epochs, device)
    together.wait()


def processes(strategy: str, number: int, count: int, epochs: int, device: str) -> dict[str, float]:
    """All processes are ready before the clock starts, and it ends with the last."""
    spawn = get_context("spawn")
    together = spawn.Barrier(number + 1)
    workers = [
        spawn.Process(target=_share, args=(strategy, count, epochs, device, together), daemon=True)
        for _ in range(number)
    ]
    for worker in workers:
        worker.start()
    together.wait(timeout=120)
    began = time.perf_counter()
    together.wait(timeout=240)
    took = time.perf_counter() - began
    for worker in workers:
        worker.join()
    return {"seconds a configuration": took / (number * count)}


def population(strategy: str, members: int, epochs: int, device: str, peak: float) -> dict[str, Any]:
    """A whole cohort, and single epochs of its population with and without recorded steps."""
    chosen = members_of(strategy, members)
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    cohort = Cohort(strategy, 0, [m.config for m in chosen], [m.seed for m in chosen], epochs, 0)
    outcomes = []
    whole = seconds(
        lambda: outcomes.append(
            run_cohort(
                cohort,
                training=rows(0),
                validation=rows(0, validation=True),
                classes=CLASSES,
                device=device,
            )
        ),
        device,
    )
    found: dict[str, Any] = {
        "milliseconds a configuration": 1e3 * whole / members,
        "mean UA": sum(trial.mean.ua for trial in outcomes[0].trials) / members,
        "notices": outcomes[0].notices,
    }
    if device == "cuda":
        found["allocated GB"] = torch.cuda.max_memory_allocated() / 1e9
        found["reserved GB"] = torch.cuda.max_memory_reserved() / 1e9
    make = partial(Population, strategy, chosen, dimensions=DIMENSIONS, classes=CLASSES, device=device)
    found["building, seconds"] = seconds(make, device)
    training = rows(0).to(device)
    for name, recorder in {"recorded": recorder_of, "launched": launched}.items():
        made = make(recorder=recorder)
        made.fit(training, epochs=1)
        epoch = min(seconds(lambda made=made: made.fit(training, epochs=1), device) for _ in range(3))
        found[f"{name}, milliseconds a step"] = 1e3 * epoch / STEPS
        found[f"{name}, share of the peak"] = members * flops_an_epoch(strategy) / epoch / peak
    return found


def launches(strategy: str, members: int, device: str) -> dict[str, float]:
    """Calls that launch kernels or graphs, a step; and the device's and Python's milliseconds of one."""
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device == "cuda" else [])]
    found, steps = {}, 8
    for name, recorder in {"recorded": recorder_of, "launched": launched}.items():
        made = Population(
            strategy,
            members_of(strategy, members),
            dimensions=DIMENSIONS,
            classes=CLASSES,
            device=device,
            recorder=recorder,
        )
        training = rows(0).to(device)
        made.fit(training, epochs=1, steps=WARM_UP + 1)
        with profile(activities=activities) as watched:
            made.fit(training, epochs=1, steps=steps)
            synchronise(device)
        events = watched.key_averages()
        calls = sum(event.count for event in events if "Launch" in event.key)
        found |= {
            f"{name}, launches a step": calls / steps,
            f"{name}, device milliseconds a step": sum(e.self_device_time_total for e in events)
            / steps
            / 1e3,
            f"{name}, CPU milliseconds a step": sum(e.self_cpu_time_total for e in events) / steps / 1e3,
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--members", type=int, nargs="+", default=[64, 256, 1024])
    parser.add_argument("--processes", type=int, nargs="+", default=[8, 14])
    parser.add_argument("--out", type=Path, default=Path(".emoflow/bench/gpu_population.json"))
    parser.add_argument("--small", action="store_true", help="run through, on a CPU too; no figures")
    asked = parser.parse_args()
    gpu = torch.cuda.is_available()
    if not gpu and not asked.small:
        sys.exit("PyTorch finds no GPU, so no figures can be taken here; --small runs through on a CPU")
    device = "cuda" if gpu else "cpu"
    torch.set_num_threads(1)
    members, sharing, epochs, each = asked.members, asked.processes, EPOCHS, EACH
    strategies = list(FIXED)
    if asked.small:
        members, sharing, epochs, each, strategies = [2], [2], 1, 1, ["early-concatenation"]
    peak = peak_flops(device)
    found: dict[str, Any] = {}

    def add(name: str, part: dict[str, Any]) -> None:
        found[name] = part
        shown = ", ".join(
            f"{key} {x:.4g}" if isinstance(x, float) else f"{key} {x}" for key, x in part.items()
        )
        print(f"{name}: {shown}", flush=True)
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")

    add(
        "machine",
        {
            "device": torch.cuda.get_device_name() if gpu else "CPU, no figures",
            "torch": torch.__version__,
            "small": asked.small,
            "epochs": epochs,
            "steps an epoch": STEPS,
            "peak TFLOP/s in float32": peak / 1e12,
        },
    )
    for strategy in strategies:
        add(f"{strategy}, plain", plain(strategy, each, epochs, device))
        for count in members:
            add(f"{strategy}, K = {count}", population(strategy, count, epochs, device, peak))
    for number in sharing:
        part = processes(strategies[0], number, each, epochs, device)
        add(f"{strategies[0]}, {number} processes", part)
    for count in (members[0], members[-1]) if len(members) > 1 else members:
        add(f"{strategies[0]}, launches, K = {count}", launches(strategies[0], count, device))
    print(f"written: {asked.out}")


if __name__ == "__main__":
    main()
