"""The energy that processors take, by their own counters (RAPL)."""

from dataclasses import dataclass, field
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
"""Where Linux shows the counters of Intel's and AMD's processors."""


@dataclass(frozen=True)
class Reading:
    """What the counters say at one moment.

    Attributes:
        microjoules: processor package → since some moment in the past, or since the counter began anew.
        ranges: processor package → where its counter begins anew, in microjoules.
        why_not: why there is no counter to read; empty where there is one.
    """

    microjoules: dict[str, int] = field(default_factory=dict)
    ranges: dict[str, int] = field(default_factory=dict)
    why_not: str = ""


def read(folder: Path = POWERCAP) -> Reading:
    """Read the counter of each processor package, which counts all that runs on it and not this process alone.

    Args:
        folder: where the system shows them.
    """
    # intel-rapl:0 is a package; intel-rapl:0:0 is a part of it, and counts again what its package counts
    packages = [each for each in sorted(folder.glob("intel-rapl:*")) if each.name.count(":") == 1]
    if not packages:
        return Reading(why_not=f"this machine shows no counter in {folder}")
    try:
        return Reading(
            {each.name: _number(each / "energy_uj") for each in packages},
            {each.name: _number(each / "max_energy_range_uj") for each in packages},
        )
    except PermissionError as error:
        return Reading(why_not=f"{error.filename} is readable by root alone")
    except OSError as error:
        return Reading(why_not=str(error))


def joules(before: Reading, after: Reading) -> float | None:
    """The energy between two readings, in joules; None where a counter could not be read.

    A counter may have begun anew once in between; at 100 W most do so after 40 minutes or more.
    """
    if before.why_not or after.why_not or before.microjoules.keys() != after.microjoules.keys():
        return None
    spent = 0
    for name, end in after.microjoules.items():
        begin = before.microjoules[name]
        spent += end - begin if end >= begin else end - begin + after.ranges[name]
    return spent / 1e6


def _number(file: Path) -> int:
    return int(file.read_text(encoding="ascii"))
