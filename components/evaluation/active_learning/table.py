"""Learning curves for a terminal, and in words whether asking helped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...artifacts.reports import Interval
from ...errors import listed
from ..summary import percent
from .acquisition import RANDOM
from .curves import AgainstRandom, LearningCurves

if TYPE_CHECKING:
    from rich.console import RenderableType

ASKED_BY = {"entropy": "of highest predictive entropy", "bald": "that the seeds disagree on most (BALD)"}


def rendered(found: LearningCurves) -> RenderableType:
    """UA by the number of labelled clips, how far it is above the control's, the areas, and a sentence each."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        title=f"{escape(found.strategy)}, protocol {escape(found.protocol)}: UA in percent (95 % interval over "
        f"{found.speakers} test speakers)",
        title_justify="left",
    )
    table.add_column("labelled clips", justify="right")
    for name, curve in found.curves.items():
        table.add_column(name, no_wrap=True)
        if curve.against_random is not None:
            table.add_column(f"{name} − {RANDOM}", no_wrap=True)
    for i, labelled in enumerate(found.labelled):
        cells = []
        for curve in found.curves.values():
            cells.append(percent(curve.ua[i]))
            if curve.against_random is not None:
                cells.append(_signed(curve.against_random.ua[i]))
        table.add_row(str(labelled), *cells)
    table.add_section()
    cells = []
    for curve in found.curves.values():
        cells.append(percent(curve.area))
        if curve.against_random is not None:
            cells.append(_signed(curve.against_random.area))
    table.add_row("area under the curve", *cells, style="bold")
    return Group(table, Text("\n".join([*sentences(found), *_notes(found)])))


def sentences(found: LearningCurves) -> list[str]:
    """For each acquisition function, whether asking by it helped."""
    return [
        f"Asking for the clips {ASKED_BY[name]} {_verdict(curve.against_random)}: area under the learning curve "
        f"{_signed(curve.against_random.area)} points of UA against clips asked for at random"
        + _among(curve.against_random)
        + "."
        for name, curve in found.curves.items()
        if curve.against_random is not None
    ]


def _verdict(against: AgainstRandom) -> str:
    low, high = against.area.low, against.area.high
    if low is not None and low > 0:
        return "helped"
    if high is not None and high < 0:
        return "did harm"
    return "is not shown to have helped"


def _among(against: AgainstRandom) -> str:
    """Of how many starts the difference is above 0."""
    starts = len(against.by_start)
    if starts == 1:
        return ", of one start alone, so that another draw may say otherwise"
    better = sum(value > 0 for value in against.by_start)
    return f", above 0 in {better} of {starts} starts"


def _signed(interval: Interval) -> str:
    """``+1.2 (−0.3 to +2.7)``, in points."""
    mean = f"{100 * interval.mean:+.1f}"
    if interval.low is not None and interval.high is not None:
        mean += f" ({100 * interval.low:+.1f} to {100 * interval.high:+.1f})"
    return mean.replace("-", "−")


def _notes(found: LearningCurves) -> list[str]:
    pools = sorted(set(found.pool.values()))
    pool = f"{pools[0]}" if len(pools) == 1 else f"{pools[0]} to {pools[-1]}"
    return [
        f"{len(found.folds)} test fold{'s' * (len(found.folds) > 1)} with {found.starts} "
        f"start{'s' * (found.starts > 1)} each, ensembles of {len(found.seeds)} seeds, pools of {pool} clips of "
        "training speakers. The intervals are over test speakers; what other training clips would change is not in "
        "them.",
        "The configurations, and what a strategy fits on validation (the weights of late fusion), were chosen with all "
        "labels of the training and validation speakers, so few clips look better than they are; alike for "
        f"{listed(found.curves)}.",
    ]
