"""Progress on stderr: a bar with the time left on a terminal, an occasional line elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

LINE_EVERY_S = 10.0
MEGABYTE = 1_000_000


def track(items: Iterable[T], *, total: int, what: str) -> Iterator[T]:
    """Yield ``items``, showing how many of ``total`` are done and how long the rest will take."""
    for _, item in _shown(enumerate(items, start=1), total, what):
        yield item


def track_bytes(positions: Iterable[int], *, total: int | None, what: str) -> None:
    """Consume an iterator that works on bytes, showing the megabytes done and how long the rest will take.

    Args:
        positions: yields, after each step of work, the number of bytes done so far.
        total: in bytes; where it is None nothing is shown.
    """
    steps = ((position, None) for position in positions)
    for _ in steps if total is None else _shown(steps, total, f"{what}, MB", unit=MEGABYTE):
        pass


def _shown(
    steps: Iterable[tuple[int, T]], total: int, what: str, *, unit: int = 1
) -> Iterator[tuple[int, T]]:
    """Yield pairs of how much is done and an item, showing the first, in ``unit``, once the item has been used."""
    whole = -(-total // unit)
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        began = time.monotonic()
        with Progress(*columns, console=Console(stderr=True)) as progress:
            bar = progress.add_task(what, total=whole, rate="")
            for done, item in steps:
                yield done, item
                rate = _rate(done / unit, time.monotonic() - began)
                progress.update(bar, completed=-(-done // unit), rate=rate)
        return

    began = last = time.monotonic()
    for done, item in steps:
        yield done, item
        now = time.monotonic()
        if now - last >= LINE_EVERY_S or (done == total and whole > 1):
            left = (now - began) / max(done, 1) * (total - done)
            rate = _rate(done / unit, now - began)
            print(
                f"{what}: {-(-done // unit)}/{whole}, {rate}, {left:.0f} s left", file=sys.stderr, flush=True
            )
            last = now


def _rate(done: float, seconds: float) -> str:
    """How many a second, or a minute where they take longer."""
    rate = done / max(seconds, 1e-9)
    return f"{rate:.3g}/s" if rate >= 1 else f"{60 * rate:.3g}/min"
