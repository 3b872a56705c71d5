"""A comparison as a picture: recall of each class by both, and the difference in UA of each speaker."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from ..plots import ACCENT, FAINT, INK, WARM, bare, new_figure, save_titled
from .answer import points
from .findings import Comparison, Pair

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NAMES = 40
"""Speakers whose names are written; more are drawn without."""
LEAST_ROWS = 14
LEAST_REACH = 1.0
"""Points of UA that the axis of differences shows to both sides at the least."""
GRID = "#e6e9ef"


def write(path: Path, comparison: Comparison) -> None:
    """Draw the first pair of strategies as PNG, whole or not at all.

    Args:
        path: of the picture; its ending is ``.png``.
        comparison: what is drawn.
    """
    pair = comparison.pairs[0]
    named = len(pair.speakers) if len(pair.speakers) <= MOST_NAMES else 0
    rows = max(len(pair.recall), named, LEAST_ROWS)
    figure = new_figure(11, 2.6 + 0.27 * rows)
    classes, speakers = figure.subplots(1, 2)
    _recall(classes, pair)
    _speakers(speakers, pair)
    title = (
        f"A: {comparison.a.name} ({pair.a})     B: {comparison.b.name} ({pair.b})\n"
        f"protocol {comparison.protocol}, {comparison.utterances:,} utterances of {comparison.speakers:,} speakers"
    )
    figure.supxlabel(textwrap.fill(pair.answer, 130), fontsize=9, color=INK, x=0.01, ha="left")
    save_titled(figure, path, title)


def _recall(axes: "Axes", pair: Pair) -> None:
    rows = [row for row in pair.recall if row.a is not None and row.b is not None][::-1]
    for y, row in enumerate(rows):
        a, b = 100 * (row.a or 0.0), 100 * (row.b or 0.0)
        axes.plot([a, b], [y, y], color=FAINT, linewidth=2, zorder=1)
        axes.plot(a, y, "o", markersize=11, color=INK, markerfacecolor="white", label="A" if not y else None)
        axes.plot(b, y, "o", markersize=7, color=ACCENT, label="B" if not y else None)
    axes.set_yticks(range(len(rows)), [f"{row.label} ({row.utterances:,})" for row in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    bare(axes)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("recall in percent", fontsize=9, color=INK)
    axes.set_title("recall of each class (utterances)", fontsize=9, loc="left", color=INK)
    axes.legend(frameon=False, fontsize=9, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0)


def _speakers(axes: "Axes", pair: Pair) -> None:
    rows = sorted(pair.speakers, key=lambda each: (each.difference, each.speaker))
    difference = pair.figures["ua"].difference
    if difference.low is not None and difference.high is not None:
        axes.axvspan(100 * difference.low, 100 * difference.high, color=FAINT, alpha=0.25, linewidth=0)
    axes.axvline(100 * difference.mean, color=INK, linewidth=1, linestyle="--")
    axes.axvline(0, color=INK, linewidth=0.8)
    colours = [ACCENT if row.difference > 0 else WARM for row in rows]
    axes.barh(range(len(rows)), [100 * row.difference for row in rows], height=0.7, color=colours)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -LEAST_REACH), max(high, LEAST_REACH))
    named = len(rows) <= MOST_NAMES
    axes.set_yticks(
        range(len(rows)) if named else [],
        [f"{row.speaker} ({row.utterances:,})" for row in rows] if named else [],
    )
    axes.set_ylim(-0.6, len(rows) - 0.4)
    bare(axes)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(
        f"UA of B − A in points; dashed: over all {points(difference.mean)}, band: its 95 % interval",
        fontsize=9,
        color=INK,
    )
    who = "each speaker (utterances)" if named else f"each of {len(rows):,} speakers"
    axes.set_title(f"difference in UA of {who}", fontsize=9, loc="left", color=INK)
