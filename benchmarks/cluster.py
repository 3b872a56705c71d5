"""Throughput of a search on one Ray node and on two, of one CPU each: real raylets on this machine.

    python -m benchmarks.cluster [--populations 8] [--configurations 8] [--epochs 20]

The same cohorts on both, in the same run, after one cohort a node that warms its worker up. What two nodes can bring is
bounded by this machine's cores, of which the driver and Ray's own processes take their share, too.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from emoflow.fusion.strategy import search_space
from emoflow.ray_cluster import Site
from emoflow.search.cohort import Cohort
from emoflow.search.cohorts import ray_of, run_cohorts
from emoflow.search.shared_features import FoldFile, FoldRows, fold_file
from emoflow.search.space import member_seed

from .task import CLASSES, DIMENSIONS, FIXED, rows

STRATEGY = "single-stream"
ADDRESS = "127.0.0.2"  # Ray takes 127.0.0.1 for the machine's own address, and would not find the nodes


def cohort(configurations: int, epochs: int) -> Cohort:
    space = search_space(STRATEGY, tuple(DIMENSIONS))
    config = {key: axis.at(0.5) for key, axis in space.items()} | FIXED[STRATEGY]
    seeds = [member_seed(7, i) for i in range(configurations)]
    return Cohort(STRATEGY, 0, [config] * configurations, seeds, epochs, 0)


def seconds(nodes: int, cohorts: list[Cohort], folds: dict[int, FoldFile]) -> float:
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    for i in range(nodes):
        cluster.add_node(
            num_cpus=1, node_ip_address=ADDRESS, **({"include_dashboard": False} if i == 0 else {})
        )
    site = Site(1, "cpu", address=cluster.address)
    try:
        with ray_of(site):
            took = 0.0
            for each in (cohorts[:nodes], cohorts):
                began = time.perf_counter()
                failed = run_cohorts(
                    each,
                    folds,
                    modalities=list(DIMENSIONS),
                    classes=CLASSES,
                    site=site,
                    on_outcome=lambda *_: None,
                )
                assert not failed, failed
                took = time.perf_counter() - began
            return took
    finally:
        cluster.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--populations", type=int, default=8)
    parser.add_argument("--configurations", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=20)
    asked = parser.parse_args()
    cohorts = [cohort(asked.configurations, asked.epochs)] * asked.populations

    with tempfile.TemporaryDirectory() as folder:
        made = FoldRows(rows(0), rows(0, validation=True))
        folds = {0: fold_file(Path(folder), 0, lambda: made)}
        took = {nodes: seconds(nodes, cohorts, folds) for nodes in (1, 2)}

    print(
        f"{asked.populations} populations of {asked.configurations}, {asked.epochs} epochs; "
        f"{len(os.sched_getaffinity(0))} cores"
    )
    print(f"{'nodes':>5}{'seconds':>10}{'populations a minute':>22}{'ratio':>8}")
    for nodes, each in took.items():
        print(f"{nodes:5}{each:10.1f}{60 * asked.populations / each:22.1f}{took[1] / each:8.2f}")


if __name__ == "__main__":
    main()
