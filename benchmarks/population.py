"""How the time of a population grows with its members, and what share of the device's peak it reaches.

    python -m benchmarks.population [--members 1 4 16 64 256 1024] [--plot FILE.png]

The transformer of the fixed task (`benchmarks.task`), one process, one thread on a CPU. The peak is measured: a matrix
product of 4,096 x 4,096 in the same precision, on the same device and threads.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import torch
from emoflow.fusion.strategy import build
from emoflow.training.memory import KEEP_MEMORY
from emoflow.training.population import Population
from torch.utils.flop_counter import FlopCounterMode

from .task import BATCH, CLASSES, DIMENSIONS, FIXED, ROWS, members_of, rows

STRATEGY = "single-stream"
SECONDS = 4.0
"""A size is measured for at least this long, and for two epochs."""


def epoch_seconds(members: int, device: str) -> float:
    """Of one epoch of all members, after a first that is not counted."""
    population = Population(
        STRATEGY, members_of(STRATEGY, members), dimensions=DIMENSIONS, classes=CLASSES, device=device
    )
    training = rows(0).to(device)
    population.fit(training, epochs=1)
    began, epochs = time.perf_counter(), 0
    while epochs < 2 or time.perf_counter() - began < SECONDS:
        population.fit(training, epochs=1)
        epochs += 1
    if device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / epochs


def flops_an_epoch(strategy: str = STRATEGY) -> int:
    """Of one member's matrix products, forwards and backwards."""
    model = build(strategy, dimensions=DIMENSIONS, classes=CLASSES, config=FIXED[strategy])
    batch = rows(0).at(torch.arange(BATCH))
    with FlopCounterMode(display=False) as counter:
        model(batch.tokens, batch.present).logits.sum().backward()
    return counter.get_total_flops() * (ROWS // BATCH)


def peak_flops(device: str) -> float:
    """Floating-point operations a second of a large matrix product, the best of five."""
    a = torch.randn(4096, 4096, device=device)
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        (a @ a).sum().item()
        best = min(best, time.perf_counter() - began)
    return 2 * 4096**3 / best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--members", type=int, nargs="+", default=[1, 4, 16, 64, 256, 1024])
    parser.add_argument("--plot", type=Path, default=Path(".emoflow/bench/population.png"))
    asked = parser.parse_args()
    if not KEEP_MEMORY.items() <= os.environ.items():  # as a search's workers have it, from their start
        again = [sys.executable, "-m", "benchmarks.population", *sys.argv[1:]]
        os.execve(sys.executable, again, os.environ | KEEP_MEMORY)  # noqa: S606
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    work, peak = flops_an_epoch(), peak_flops(device)
    print(
        f"{device}: peak measured {peak / 1e9:.0f} GFLOP/s in float32; a member's epoch is {work / 1e9:.2f} GFLOP"
    )
    print(f"{'members':>8}{'s an epoch':>12}{'ms a member':>13}{'of the peak':>13}")
    seconds = []
    for members in asked.members:
        seconds.append(epoch_seconds(members, device))
        share = members * work / seconds[-1] / peak
        print(
            f"{members:8}{seconds[-1]:12.3f}{1e3 * seconds[-1] / members:13.2f}{100 * share:12.0f}%",
            flush=True,
        )
    draw(asked.members, seconds, work / peak, asked.plot)
    print(f"drawn in {asked.plot}")


def draw(members: list[int], seconds: list[float], at_peak: float, path: Path) -> None:
    """Seconds an epoch over members, both logarithmic; beside it what one after another and the peak would take."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    axes.loglog(members, seconds, marker="o", label="together")
    axes.loglog(members, [seconds[0] * k for k in members], linestyle="--", label="one after another")
    axes.loglog(members, [at_peak * k for k in members], linestyle=":", label="at the device's peak")
    axes.set(xlabel="members", ylabel="seconds an epoch")
    axes.set_xticks(members, [str(k) for k in members])
    axes.minorticks_off()
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
