"""What probing found, as a picture: the figures of each modality's blocks, those of one encoder's layers joined."""

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..plots import INK, bare, new_figure, save_titled
from .findings import Probed, ProbedBlock, Probing
from .table import UNITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRID = "#e6e9ef"
COLOURS = ("#2457c5", "#c2571a", "#2e8b57", "#8e44ad", "#b8860b", "#1d2433", "#c0392b", "#16a085")
"""Of the targets, in their order."""
LOWEST = {"ua": 0.0, "r2": -10.0}
"""Where the axis ends below, in percent; what falls under it is drawn there."""


def write(path: Path, found: Probing) -> None:
    """Draw the figures as PNG, whole or not at all: a row of panels for each modality, UA left and R² right.

    Args:
        path: of the picture; its ending is ``.png``.
        found: what is drawn.
    """
    modalities = list(dict.fromkeys(block.modality for block in found.blocks))
    metrics = list(dict.fromkeys(target.metric for target in found.targets))
    most = max(sum(block.modality == name for block in found.blocks) for name in modalities)
    figure = new_figure(max(4.5, 2.5 + 0.45 * most) * len(metrics), 0.8 + 3.4 * len(modalities))
    panels = figure.subplots(len(modalities), len(metrics), squeeze=False)
    for row, modality in zip(panels, modalities, strict=True):
        blocks = [block for block in found.blocks if block.modality == modality]
        for axes, metric in zip(row, metrics, strict=True):
            coloured = zip(found.targets, COLOURS, strict=False)
            targets = {target.name: colour for target, colour in coloured if target.metric == metric}
            _panel(axes, blocks, targets, LOWEST[metric])
            axes.set_title(
                f"{modality}: {UNITS[metric]} in percent", fontsize=10, loc="left", color=INK, pad=20
            )
    save_titled(
        figure,
        path,
        f"linear probes, protocol {found.protocol}\nband: 95 % interval over speakers; hollow: control task",
    )


def _panel(axes: "Axes", blocks: list[ProbedBlock], targets: dict[str, str], lowest: float) -> None:
    encoders = groupby(enumerate(blocks), key=lambda each: each[1].encoder)
    for number, (_, each) in enumerate(encoders):
        run = list(each)
        if number:
            axes.axvline(run[0][0] - 0.5, color=GRID, linewidth=0.8)
        for name, colour in targets.items():
            _line(
                axes, [(x, block.targets[name]) for x, block in run], colour, "" if number else name, lowest
            )
    axes.set_xticks(range(len(blocks)), [_tick(block, blocks) for block in blocks])
    for label, block in zip(axes.get_xticklabels(), blocks, strict=True):
        if block.layer is None:
            label.set(rotation=40, ha="right")
    axes.set_xlim(-0.6, len(blocks) - 0.4)
    axes.set_ylim(lowest - 2, 104)
    bare(axes)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(
        frameon=False, fontsize=8, ncols=len(targets), loc="lower left", bbox_to_anchor=(0, 1), borderpad=0
    )


def _tick(block: ProbedBlock, blocks: list[ProbedBlock]) -> str:
    """The encoder's name; of layers their numbers, with the name below the middle one."""
    if block.layer is None:
        return block.encoder
    layers = sum(each.encoder == block.encoder for each in blocks)
    return f"{block.layer}\n{block.encoder}" if block.layer == layers // 2 else str(block.layer)


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
