"""A search over one strategy: a population trained together, against what a user would write instead.

    python -m benchmarks.search [--configurations 16] [--epochs 20]

One fixed task (two modalities of 88 and 35 features, 1,100 rows, seven classes, cross-attention of width 64), the
same configurations, epochs and rows for all three, in the same run:

- stock Ray Tune: a function trainable for each configuration, its defaults;
- one after another: each configuration alone, in one process;
- together: emoflow's population.
"""

import argparse
import os
import tempfile
import time

import torch

from components.search.space import configurations
from components.training.data import Rows
from components.training.population import Member, Population

STRATEGY = "cross-attention"
DIMENSIONS = {"audio": 88, "face": 35}
CLASSES = 7


def task(rows: int = 1100, seed: int = 0) -> Rows:
    """Rows whose class moves the mean of both modalities a little."""
    where, generator = torch.Generator().manual_seed(0), torch.Generator().manual_seed(seed)
    target = torch.randint(CLASSES, (rows,), generator=generator)
    tokens = {}
    for name, size in DIMENSIONS.items():
        centres = torch.randn(CLASSES, size, generator=where)
        tokens[name] = (0.3 * centres[target] + torch.randn(rows, size, generator=generator))[:, None]
    return Rows(tokens, {name: torch.ones(rows, 1, dtype=torch.bool) for name in tokens}, target)


def train(configs: list[dict], epochs: int) -> list[float]:
    """Validation UA of each configuration after the last epoch."""
    population = Population(
        STRATEGY, [Member(config, seed=0) for config in configs], dimensions=DIMENSIONS, classes=CLASSES
    )
    return population.fit(task(), epochs=epochs, validation=task(300, seed=1)).ua[-1]


def stock_ray_tune(configs: list[dict], epochs: int) -> list[float]:
    """A function trainable for each configuration, Ray Tune's defaults."""
    import ray
    from ray import tune

    def trainable(config: dict) -> None:
        tune.report({"ua": train([config], epochs)[0]})

    ray.init(num_cpus=len(os.sched_getaffinity(0)), include_dashboard=False, log_to_driver=False)
    try:
        with tempfile.TemporaryDirectory() as folder:
            run = tune.RunConfig(storage_path=folder)
            results = tune.Tuner(trainable, param_space=tune.grid_search(configs), run_config=run).fit()
            return [result.metrics["ua"] for result in results]
    finally:
        ray.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--configurations", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=20)
    asked = parser.parse_args()
    configs = configurations(STRATEGY, modalities=tuple(DIMENSIONS), count=asked.configurations, seed=7)
    configs = [config | {key: configs[0][key] for key in ("width", "layers")} for config in configs]

    seconds, ua = {}, {}
    for name, run in {
        "stock Ray Tune": stock_ray_tune,
        "one after another": lambda configs, epochs: [train([config], epochs)[0] for config in configs],
        "together": train,
    }.items():
        began = time.perf_counter()
        ua[name] = run(configs, asked.epochs)
        seconds[name] = time.perf_counter() - began

    print(
        f"{asked.configurations} configurations, {asked.epochs} epochs, {len(os.sched_getaffinity(0))} cores"
    )
    print(f"{'':20}{'seconds':>10}{'a minute':>10}{'ratio':>8}{'best UA':>9}")
    for name, took in seconds.items():
        rate = 60 * asked.configurations / took
        print(f"{name:20}{took:10.1f}{rate:10.0f}{took / seconds['together']:8.1f}{max(ua[name]):9.3f}")


if __name__ == "__main__":
    main()
