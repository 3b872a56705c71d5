"""What probing found, as a picture: the figures of each modality's blocks, those of one encoder's layers joined."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..plots import INK, bare, new_figure, save_titled
from .findings import Probed, ProbedBlock, Probing
from .sentences import UNITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRID = "#e6e9ef"
COLOURS = ("#2457c5", "#c2571a", "#2e8b57", "#8e44ad", "#b8860b", "#1d2433", "#c0392b", "#16a085")
"""Of the targets, in their order."""
LOWEST = {"ua": 0.0, "r2": -10.0}
"""Where the axis ends below, in percent; what falls under it is drawn there."""


class _Column(NamedTuple):
    """A block or layer in a panel.

    Attributes:
        line: figures of one line are joined.
        tick: below it. upright: whether that is short.
        targets: its figures.
    """

    line: str
    tick: str
    upright: bool
    targets: Mapping[str, Probed | None]


def write(path: Path, found: Probing) -> None:
    """Draw the figures as PNG, whole or not at all: UA left and R² right, a row of panels for each modality's encoders,
    and one for the layers of the fusion where they were probed.

    Args:
        path: of the picture; its ending is ``.png``.
        found: what is drawn.
    """
    rows = [
        (name, [_of_block(each, found.blocks) for each in found.blocks if each.modality == name])
        for name in dict.fromkeys(block.modality for block in found.blocks)
    ]
    if found.fusion is not None:
        layers = [
            _Column(
                each.modality or "",
                each.name if each.modality is None else f"{each.modality}, {each.name}",
                upright=False,
                targets=each.targets,
            )
            for each in found.fusion.layers
        ]
        rows.append((f"layers of {found.fusion.strategy}", layers))
    metrics = list(dict.fromkeys(target.metric for target in found.targets))
    most = max(len(columns) for _, columns in rows)
    figure = new_figure(max(4.5, 2.5 + 0.45 * most) * len(metrics), 0.8 + 3.4 * len(rows))
    panels = figure.subplots(len(rows), len(metrics), squeeze=False)
    for row, (title, columns) in zip(panels, rows, strict=True):
        for axes, metric in zip(row, metrics, strict=True):
            coloured = zip(found.targets, COLOURS, strict=False)
            targets = {target.name: colour for target, colour in coloured if target.metric == metric}
            probed = set().union(*(column.targets for column in columns))
            drawn = {name: colour for name, colour in targets.items() if name in probed}
            _panel(axes, columns, drawn, LOWEST[metric])
            axes.set_title(f"{title}: {UNITS[metric]} in percent", fontsize=10, loc="left", color=INK, pad=20)
    save_titled(
        figure,
        path,
        f"linear probes, protocol {found.protocol}\nband: 95 % interval over speakers; hollow: control task",
    )


def _of_block(block: ProbedBlock, blocks: list[ProbedBlock]) -> _Column:
    """Below it stands the encoder's name; of layers their numbers, with the name below the middle one."""
    if block.layer is None:
        return _Column(block.encoder, block.encoder, upright=False, targets=block.targets)
    layers = sum((each.modality, each.encoder) == (block.modality, block.encoder) for each in blocks)
    tick = f"{block.layer}\n{block.encoder}" if block.layer == layers // 2 else str(block.layer)
    return _Column(block.encoder, tick, upright=True, targets=block.targets)


def _panel(axes: "Axes", columns: Sequence[_Column], targets: Mapping[str, str], lowest: float) -> None:
    for number, (_, each) in enumerate(groupby(enumerate(columns), key=lambda each: each[1].line)):
        run = list(each)
        if number:
            axes.axvline(run[0][0] - 0.5, color=GRID, linewidth=0.8)
        for name, colour in targets.items():
            points = [(x, column.targets[name]) for x, column in run]
            _line(axes, points, colour, "" if number else name, lowest)
    axes.set_xticks(range(len(columns)), [column.tick for column in columns])
    for label, column in zip(axes.get_xticklabels(), columns, strict=True):
        if not column.upright:
            label.set(rotation=40, ha="right", rotation_mode="anchor")
    axes.set_xlim(-0.6, len(columns) - 0.4)
    axes.set_ylim(lowest - 2, 104)
    bare(axes)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    if targets:
        axes.legend(
            frameon=False,
            fontsize=8,
            ncols=len(targets),
            loc="lower left",
            bbox_to_anchor=(0, 1),
            borderpad=0,
        )


def _line(
    axes: "Axes", points: list[tuple[int, Probed | None]], colour: str, label: str, lowest: float
) -> None:
    """A target's figures in the blocks of one encoder, with those of the control task."""
    held = [(x, probed) for x, probed in points if probed is not None]
    xs = [x for x, _ in held]
    figures = np.maximum([100 * probed.figure.mean for _, probed in held], lowest)
    controls = np.maximum([100 * probed.control.mean for _, probed in held], lowest)
    axes.plot(xs, figures, "o-", color=colour, markersize=5, linewidth=1.5, label=label)
    axes.plot(xs, controls, "o", color=colour, markersize=4, markerfacecolor="white", markeredgewidth=0.8)
    for x, probed in held:
        low, high = probed.figure.low, probed.figure.high
        if low is not None and high is not None:
            bounds = np.maximum([100 * low, 100 * high], lowest)
            axes.plot([x, x], bounds, color=colour, linewidth=4, alpha=0.25)
