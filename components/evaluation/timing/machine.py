"""The machine that something was timed on, and what was timed there."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Latency:
    """Seconds: the median and the 95th percentile of the repetitions, interpolated linearly."""

    p50_s: float
    p95_s: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Self:
        """Of one repetition or more."""
        import numpy as np

        p50, p95 = np.percentile(seconds, (50, 95))
        return cls(float(p50), float(p95))


@dataclass(frozen=True)
class Machine:
    """Where it was measured.

    Attributes:
        cpu: the processor's model. cores: that this process may use. threads: that torch uses for one operation.
        gpu: its name, where there is one.
        load: how many processes computed or waited for a core in the last minute, on average (load average).
    """

    cpu: str
    cores: int
    threads: int
    gpu: str | None
    load: float

    @property
    def busy(self) -> bool:
        """Whether others computed on it, so that the times are too long."""
        return self.load > self.cores + 0.5

    def in_words(self) -> str:
        """Processor, cores, threads, GPU and load."""
        threads = f"{self.threads} thread{'s' if self.threads != 1 else ''}"
        gpu = f", {self.gpu}" if self.gpu else ""
        busy = " (busy: the times are too long)" if self.busy else ""
        return (
            f"{self.cpu}, {self.cores} core{'s' if self.cores != 1 else ''}, {threads} of torch{gpu}, load average "
            f"{self.load:.1f}{busy}"
        )


def this_machine() -> Machine:
    """The machine that this process runs on, as it is now."""
    import torch

    return Machine(
        cpu=_processor(),
        cores=len(os.sched_getaffinity(0)),
        threads=torch.get_num_threads(),
        gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        load=os.getloadavg()[0],
    )


def peak_memory() -> int:
    """The most bytes that this process has held, from its start on."""
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # Linux counts kibibytes


def _processor() -> str:
    """The processor's model: Linux's /proc/cpuinfo names it, and `platform` elsewhere."""
    lines = CPU_INFO.read_text(encoding="utf-8").splitlines() if CPU_INFO.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(named), platform.processor() or platform.machine())
