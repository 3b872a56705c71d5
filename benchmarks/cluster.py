"""Throughput of a search on one Ray node and on two, of one CPU each: real raylets on this machine.

    python -m benchmarks.cluster [--gangs 8] [--configurations 8] [--epochs 20]

The same gangs on both, in the same run, after one gang a node that warms its worker up. What two nodes can bring is
bounded by this machine's cores, of which the driver and Ray's own processes take their share, too.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from emoflow.fusion.strategy import search_space
from emoflow.search.gang import Gang
from emoflow.search.gangs import ray_of, run_gangs
from emoflow.search.ray_cluster import Site
from emoflow.search.shared_features import FoldFile, FoldRows, fold_file
from emoflow.search.space import member_seed

from .task import CLASSES, DIMENSIONS, FIXED, rows

STRATEGY = "single-stream"
ADDRESS = "127.0.0.2"  # Ray takes 127.0.0.1 for the machine's own address, and would not find the nodes


def gang(configurations: int, epochs: int) -> Gang:
    space = search_space(STRATEGY, tuple(DIMENSIONS))
    config = {key: axis.at(0.5) for key, axis in space.items()} | FIXED[STRATEGY]
    seeds = [member_seed(7, i) for i in range(configurations)]
    return Gang(STRATEGY, 0, [config] * configurations, seeds, epochs, 0)


def seconds(nodes: int, gangs: list[Gang], folds: dict[int, FoldFile]) -> float:
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
            for each in (gangs[:nodes], gangs):
                began = time.perf_counter()
                failed = run_gangs(
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
    parser.add_argument("--gangs", type=int, default=8)
    parser.add_argument("--configurations", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=20)
    asked = parser.parse_args()
    gangs = [gang(asked.configurations, asked.epochs)] * asked.gangs

    with tempfile.TemporaryDirectory() as folder:
        made = FoldRows(rows(0), rows(0, validation=True))
        folds = {0: fold_file(Path(folder), 0, lambda: made)}
        took = {nodes: seconds(nodes, gangs, folds) for nodes in (1, 2)}

    print(
        f"{asked.gangs} gangs of {asked.configurations}, {asked.epochs} epochs; {len(os.sched_getaffinity(0))} cores"
    )
    print(f"{'nodes':>5}{'seconds':>10}{'gangs a minute':>16}{'ratio':>8}")
    for nodes, each in took.items():
        print(f"{nodes:5}{each:10.1f}{60 * asked.gangs / each:16.1f}{took[1] / each:8.2f}")


if __name__ == "__main__":
    main()
