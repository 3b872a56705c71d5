"""Learning curves as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..plots import ACCENT, FAINT, INK, WARM, bare, new_figure, save_titled
from .acquisition import RANDOM
from .curves import LearningCurves

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ...artifacts.reports import Interval

GRID = "#e6e9ef"
COLOURS = {RANDOM: INK, "entropy": ACCENT, "bald": WARM}


def write(path: Path, found: LearningCurves) -> None:
    """Draw the curves, and beside them how far each is above the control, as PNG, whole or not at all.

    Args:
        path: of the picture; its ending is ``.png``.
        found: what is drawn.
    """
    figure = new_figure(10.4, 4.4)
    left, right = figure.subplots(1, 2)
    width = (found.labelled[-1] - found.labelled[0]) / max(1, len(found.labelled) - 1)
    shifts = np.linspace(-0.08, 0.08, len(found.curves)) * width  # so that no interval hides another
    right.axhline(0, color=FAINT, linewidth=1)
    for (name, curve), shift in zip(found.curves.items(), shifts, strict=True):
        _curve(left, found.labelled, curve.ua, COLOURS[name], name, shift)
        if curve.against_random is not None:
            _curve(right, found.labelled, curve.against_random.ua, COLOURS[name], name, shift)
    left.axhline(100 / len(found.classes), color=FAINT, linewidth=1, linestyle=":")
    left.set_title("UA in percent; dotted: chance", fontsize=10, loc="left", color=INK)
    right.set_title(f"points of UA above {RANDOM}, paired", fontsize=10, loc="left", color=INK)
    for axes in (left, right):
        bare(axes)
        axes.set_xticks(found.labelled)
        axes.grid(axis="y", color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_xlabel("labelled clips of training speakers", fontsize=9, color=INK)
        axes.legend(frameon=False, fontsize=9, loc="best")
    save_titled(
        figure,
        path,
        f"{found.strategy}, protocol {found.protocol}\nfolds: {len(found.folds)}, starts of each: {found.starts}; "
        f"bars: 95 % intervals over {found.speakers} test speakers",
    )


def _curve(
    axes: Axes, labelled: list[int], points: list[Interval], colour: str, name: str, shift: float
) -> None:
    xs = np.array(labelled) + shift
    axes.plot(xs, [100 * each.mean for each in points], "o-", color=colour, markersize=5, label=name)
    for x, each in zip(xs, points, strict=True):
        if each.low is not None and each.high is not None:
            axes.plot([x, x], [100 * each.low, 100 * each.high], color=colour, linewidth=3, alpha=0.3)
