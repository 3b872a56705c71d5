"""Encoding many recordings on the nodes of a Ray cluster that see this workspace's folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import listed
from ..ray_cluster import Site, joined, on_each_node, sees
from ..schema import file_of
from .cache import Cache
from .parallel import Job, Recipe, begin, encode, run_jobs

JOBS_A_BLOCK = 8
"""Recordings that a worker is handed at once, and loses where its node dies: what is in the cache is kept."""
RETRIES = 2
"""Of a block whose worker died."""


class Worker:
    """A process on a node, which encodes into the cache that all nodes see."""

    def __init__(self, folder: Path, recipes: Mapping[str, Recipe], cache: Path, jobs: Sequence[Job]):
        os.chdir(folder)  # recordings, models and cache are named from there
        begin(recipes, cache)
        self.jobs = jobs

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        encode(self.jobs[row["job"]])
        return row


def run_jobs_on_cluster(
    jobs: Sequence[Job], *, recipes: Mapping[str, Recipe], cache: Cache, site: Site
) -> Iterator[Job]:
    """As `run_jobs`, by Ray Data on every CPU, or every GPU, of the cluster at ``site.address``.

    What the cluster cannot do is done on this machine, and a line says so: everything where a node does not see the
    workspace's folder, and what is left of recordings whose worker ended or failed more than twice, so that one that
    crashes its decoder is found as `run_jobs` finds it.

    Raises:
        SettingsError: a cluster that cannot be used; and as `run_jobs`.
    """
    done: set[int] = set()
    with joined(site, {"OMP_NUM_THREADS": "1"}, needs=__name__):
        blind, nodes = _blind(jobs, cache)
        if blind:
            print(
                f"features: encoded on this machine alone: {len(blind)} of {nodes} nodes of the cluster at "
                f"{site.address} cannot see {Path.cwd()} with its recordings and its cache ({listed(blind)}); share "
                "the folder, at the same path, to encode there"
            )
        else:
            for number in _encoded(jobs, recipes, cache, site):
                done.add(number)
                yield jobs[number]
    left = [job for number, job in enumerate(jobs) if number not in done]
    if left and not blind:
        print(
            f"features: {len(left)} of {len(jobs)} recordings failed on the cluster; encoding them on this machine"
        )
    yield from run_jobs(left, recipes=recipes, cache=cache, workers=site.processes)


def _encoded(jobs: Sequence[Job], recipes: Mapping[str, Recipe], cache: Cache, site: Site) -> Iterator[int]:
    """The numbers of the jobs that workers on the nodes have done, in no fixed order."""
    import ray
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.max_errored_blocks = -1  # they are done on this machine
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    blocks = -(-len(jobs) // JOBS_A_BLOCK)
    numbers = ray.data.from_items(
        [{"job": number} for number in range(len(jobs))], override_num_blocks=blocks
    )
    encoded = numbers.map(
        Worker,
        fn_constructor_args=(Path.cwd(), recipes, cache.root, jobs),
        num_cpus=site.resources["cpu"],
        num_gpus=site.resources["gpu"],
        concurrency=max(1, min(blocks, _places(ray.cluster_resources(), site))),
        max_task_retries=RETRIES,
    )
    for row in encoded.iter_rows():
        yield int(row["job"])


def _places(found: Mapping[str, float], site: Site) -> int:
    """How many workers the cluster has room for at once."""
    return min(int(found.get(name.upper(), 0) / share) for name, share in site.resources.items() if share)


def _blind(jobs: Sequence[Job], cache: Cache) -> tuple[list[str], int]:
    """The nodes that do not see the recordings or the cache at the paths that they have here; and of how many."""
    cache.root.mkdir(parents=True, exist_ok=True)
    seen_by_all = cache.root / f".seen-by-all-nodes-{os.getpid()}"
    seen_by_all.touch()
    try:
        files = {Path(file_of(str(job.source))) for job in jobs if isinstance(job.source, Path)}
        paths = [path.absolute() for path in (seen_by_all, *sorted(files)) if path.is_file()]
        answers = on_each_node(sees, paths)
        return sorted(node for node, sees_all in answers.items() if not sees_all), len(answers)
    finally:
        seen_by_all.unlink()
