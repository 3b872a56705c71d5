"""A search over one strategy: populations trained together, against what a user would write instead.

    python -m benchmarks.search [--configurations 64] [--folds 4] [--strategy single-stream]

One fixed task (`benchmarks.task`), the same configurations, epochs and folds for all, in one run, which takes half an
hour on two cores, nearly all of it the others':

- stock Ray Tune: a function trainable for each configuration and fold, its defaults, a plain model and loop;
- Optuna: the same function in one process, with the number of torch threads that is fastest here;
- emoflow: the same configurations as cohorts, Ray's start and end included.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import optuna
import torch
from emoflow.ray_cluster import Site
from emoflow.search.cohort import Cohort
from emoflow.search.cohorts import run_cohorts
from emoflow.search.shared_features import FoldRows, fold_file
from emoflow.search.space import configurations, member_seed

from .task import CLASSES, DIMENSIONS, DROPOUT, EPOCHS, FIXED, rows, train_plain

VARIED = ("learning_rate", "weight_decay", "smoothing")
Trials = list[tuple[dict, int, int]]
"""(configuration, fold, seed) of each."""


def stock_ray_tune(strategy: str, trials: Trials) -> list[float]:
    """A function trainable for each trial, Ray Tune's defaults."""
    import ray
    from ray import tune

    def trainable(config: dict) -> None:
        tune.report({"ua": train_plain(strategy, config["config"], fold=config["fold"], seed=config["seed"])})

    space = tune.grid_search([{"config": c, "fold": f, "seed": s} for c, f, s in trials])
    ray.init(num_cpus=cores(), include_dashboard=False, log_to_driver=False)
    try:
        with tempfile.TemporaryDirectory() as folder:
            run = tune.RunConfig(storage_path=folder, verbose=0)
            wrapped = lambda config: trainable(config["trial"])  # noqa: E731
            results = tune.Tuner(wrapped, param_space={"trial": space}, run_config=run).fit()
            return [result.metrics["ua"] for result in results]
    finally:
        ray.shutdown()


def optuna_loop(strategy: str, trials: Trials) -> list[float]:
    """One process, one trial after another, the number of threads that did the first trial fastest."""
    config, fold, seed = trials[0]

    def seconds(threads: int) -> float:
        torch.set_num_threads(threads)
        began = time.perf_counter()
        train_plain(strategy, config, fold=fold, seed=seed)
        return time.perf_counter() - began

    torch.set_num_threads(min(range(1, cores() + 1), key=seconds))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    for number in range(len(trials)):
        study.enqueue_trial({"trial": number})

    def score(trial: optuna.Trial) -> float:
        config, fold, seed = trials[trial.suggest_int("trial", 0, len(trials) - 1)]
        return train_plain(strategy, config, fold=fold, seed=seed)

    study.optimize(score, n_trials=len(trials))
    return [trial.value for trial in study.trials]


def emoflow(strategy: str, trials: Trials) -> list[float]:
    """A cohort a fold; the UA after the last epoch, as for the others."""
    by_fold: dict[int, list[int]] = {}
    for i, (_, fold, _) in enumerate(trials):
        by_fold.setdefault(fold, []).append(i)
    fixed = FIXED[strategy] | {"dropout": DROPOUT}
    cohorts = [
        Cohort(strategy, fold, [trials[i][0] | fixed for i in held], [trials[i][2] for i in held], EPOCHS, 0)
        for fold, held in by_fold.items()
    ]
    ua = [float("nan")] * len(trials)

    def keep(cohort: Cohort, outcome) -> None:
        for i, number in enumerate(by_fold[cohort.fold]):
            ua[number] = outcome.curves[i][0]["ua"][-1]

    device = "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as folder:
        files = {
            fold: fold_file(Path(folder), fold, lambda f=fold: FoldRows(rows(f), rows(f, validation=True)))
            for fold in by_fold
        }
        failed = run_cohorts(
            cohorts,
            files,
            modalities=list(DIMENSIONS),
            classes=CLASSES,
            site=Site(workers=cores(), device=device),
            on_outcome=keep,
        )
    assert not failed, failed
    return ua


CONTENDERS = {"stock Ray Tune": stock_ray_tune, "Optuna": optuna_loop}


def timed(
    run: Callable[[str, Trials], list[float]], strategy: str, trials: Trials
) -> tuple[float, list[float]]:
    began = time.perf_counter()
    ua = run(strategy, trials)
    return time.perf_counter() - began, ua


def cores() -> int:
    return len(os.sched_getaffinity(0))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--configurations", type=int, default=64)
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--strategy", choices=list(FIXED), action="append")
    parser.add_argument("--against", choices=list(CONTENDERS), nargs="*", default=list(CONTENDERS))
    asked = parser.parse_args()
    for strategy in asked.strategy or list(FIXED):
        drawn = configurations(strategy, modalities=tuple(DIMENSIONS), count=asked.configurations, seed=7)
        trials = [
            ({key: config[key] for key in VARIED}, fold, member_seed(7, i))
            for fold in range(asked.folds)
            for i, config in enumerate(drawn)
        ]
        compare(strategy, trials, asked.against)


def compare(strategy: str, trials: Trials, against: list[str]) -> None:
    seconds, ua = {}, {}
    for name, run in ({name: CONTENDERS[name] for name in against} | {"emoflow": emoflow}).items():
        # a process of its own, so that none leaves settings behind for the next
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
            seconds[name], ua[name] = apart.submit(timed, run, strategy, trials).result()
    print(f"\n{strategy}: {len(trials)} trials of {EPOCHS} epochs, {cores()} cores")
    print(f"{'':20}{'seconds':>10}{'a minute':>10}{'ratio':>8}{'mean UA':>9}{'best UA':>9}")
    for name, took in seconds.items():
        rate, ratio = 60 * len(trials) / took, took / seconds["emoflow"]
        mean = sum(ua[name]) / len(ua[name])
        print(f"{name:20}{took:10.1f}{rate:10.0f}{ratio:8.1f}{mean:9.3f}{max(ua[name]):9.3f}")


if __name__ == "__main__":
    main()
