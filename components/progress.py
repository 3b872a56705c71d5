"""How far a long piece of work has come: a bar with the time left on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

LINE_EVERY_S = 10.0


def track(items: Iterable[T], *, total: int, what: str) -> Iterator[T]:
    """Yield ``items``, showing on stderr how many of ``total`` are done and how long the rest will take."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=Console(stderr=True)) as progress:
            yield from progress.track(items, total=total, description=what)
        return

    began = said = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - said >= LINE_EVERY_S or (done == total and done > 1):
            left = (now - began) / done * (total - done)
            print(f"{what}: {done}/{total}, {left:.0f} s left", file=sys.stderr, flush=True)
            said = now
