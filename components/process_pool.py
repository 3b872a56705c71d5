"""Pools of worker processes that end together with the process that started them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

SPAWN = multiprocessing.get_context("spawn")
"""A fork would copy the parent's threads in whatever state they are."""


@contextmanager
def process_pool(
    workers: int, initializer: Callable[..., None] | None = None, *initargs: Any
) -> Iterator[ProcessPoolExecutor]:
    """Open a pool of spawned processes; leaving the block cancels what has not begun and waits for the rest.

    Args:
        workers: the number of processes.
        initializer: called with ``initargs`` in each worker before its first task.

    Raises:
        concurrent.futures.process.BrokenProcessPool: from a future's ``result()``, when a worker died.
    """
    pool = ProcessPoolExecutor(
        workers, mp_context=SPAWN, initializer=_start, initargs=(initializer, initargs)
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def end_with_parent() -> None:
    """Tie the calling worker to its parent: call it first in a process started from ``SPAWN``.

    A worker whose parent was killed would otherwise wait for work forever. Ctrl-C, which reaches the whole process
    group, ends a worker at once and without a traceback.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_exit_after_parent, daemon=True).start()


def _start(initializer: Callable[..., None] | None, initargs: tuple) -> None:
    end_with_parent()
    if initializer is not None:
        initializer(*initargs)


def _exit_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
