"""Pools of worker processes: what they run, and that no worker outlives its parent or Ctrl-C."""

import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures.process import BrokenProcessPool

import psutil
import pytest
from emoflow.process_pool import process_pool

PARENT = """
    import multiprocessing, os, time
    from emoflow.process_pool import process_pool
    with process_pool(2) as pool:
        waiting = [pool.submit(os.getpid) for _ in range(2)] + [pool.submit(time.sleep, 600) for _ in range(8)]
        waiting[0].result()
        print(*[each.pid for each in multiprocessing.active_children()], flush=True)
        waiting[-1].result()
"""


def running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda parent: os.kill(parent, signal.SIGKILL), -signal.SIGKILL),
        (lambda parent: os.killpg(parent, signal.SIGINT), -signal.SIGINT),  # as a terminal sends Ctrl-C
    ],
    ids=["parent killed", "Ctrl-C"],
)
def test_workers_end_with_their_parent(end, status):
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as parent:
        workers = [int(word) for word in parent.stdout.readline().split()]
        assert workers and all(map(running, workers))
        end(parent.pid)
        assert parent.wait(timeout=30) == status
    until = time.monotonic() + 10
    while any(map(running, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [pid for pid in workers if running(pid)]


def test_the_initializer_runs_before_the_first_task(tmp_path):
    with process_pool(1, os.chdir, tmp_path) as pool:
        assert pool.submit(os.getcwd).result() == str(tmp_path.resolve())


def test_an_error_cancels_what_has_not_begun():
    with pytest.raises(ValueError, match="math domain error"), process_pool(1) as pool:
        waiting = [pool.submit(math.sqrt, -1)] + [pool.submit(time.sleep, 0.5) for _ in range(20)]
        waiting[0].result()
    assert sum(each.cancelled() for each in waiting) >= 15


def test_a_worker_that_dies_is_noticed():
    with pytest.raises(BrokenProcessPool), process_pool(1) as pool:
        pool.submit(os._exit, 3).result()
