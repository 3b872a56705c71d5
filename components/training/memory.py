"""How a training process holds its memory, and how much there is for it."""

import math
from pathlib import Path

KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
    "MALLOC_TOP_PAD_": str(1 << 26),
}
"""Environment of a process that trains: glibc keeps what it freed. A step frees and asks for the same megabytes over
and over; given back to the system, each must be cleared anew, which took a quarter of the time. Read at a process's
start; without effect on other C libraries."""


def available(device: str, *, share: float = 1.0) -> int:
    """Bytes that a process may still take of what is free: of the GPU, or of main memory and the container's limit.

    Args:
        share: this process's, where others are about to take theirs.
    """
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0] * share)
    import psutil

    return int(min(psutil.virtual_memory().available, _left_to_the_container()) * share)


def _left_to_the_container() -> float:
    """Of the limit of this process's control group (version 2), which psutil does not know; infinite without one."""
    root = Path("/sys/fs/cgroup")
    line = next((x for x in _text(Path("/proc/self/cgroup")).splitlines() if x.startswith("0::")), "0::/")
    own = root / line.removeprefix("0::/")
    left = math.inf
    for folder in (own, *own.parents):
        most, now = _text(folder / "memory.max").strip(), _text(folder / "memory.current").strip()
        if most.isdigit() and now.isdigit():
            left = min(left, int(most) - int(now))
        if folder == root:
            break
    return max(0.0, left)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether torch or Python could not get the memory that it asked for; on a CPU torch has no error of its own."""
    import torch

    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
