"""How far a piece of work on bytes has come, by the megabyte."""

from collections.abc import Iterable, Iterator

from ...progress import track

MEGABYTE = 1_000_000


def follow(positions: Iterable[int], *, total: int | None, what: str) -> None:
    """Do the work that ``positions`` does, showing on stderr how much of it is done.

    Args:
        positions: yields, in steps of any size, how many bytes are done.
        total: bytes in all; nothing is shown where that is unknown.
    """
    if total is None:
        for _ in positions:
            pass
        return
    steps = -(-total // MEGABYTE)
    for _ in track(_steps(positions, steps), total=steps, what=f"{what}, MB"):
        pass


def _steps(positions: Iterable[int], steps: int) -> Iterator[int]:
    """Each whole megabyte once, and what is left over at the end as one."""
    passed = 0
    for position in positions:
        while passed < min(position // MEGABYTE, steps):
            passed += 1
            yield passed
    yield from range(passed + 1, steps + 1)
