"""A transfer matrix as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..plots import INK, new_figure, save_titled
from .matrix import TransferMatrix
from .plan import OTHERS

DARK = 0.6
"""Share above a guess from which on a cell's text is white."""


def write(path: Path, matrix: TransferMatrix) -> None:
    """Draw the matrix as PNG, whole or not at all; the shade is how far UA lies between a guess and 100 %.

    Args:
        path: of the picture; its ending is ``.png``.
        matrix: what is drawn.
    """
    sources, targets = matrix.sources, matrix.corpora
    figure = new_figure(2.4 + 1.5 * len(targets), 1.6 + 0.75 * len(sources))
    axes = figure.subplots()
    shade = np.full((len(sources), len(targets)), np.nan)
    for r, source in enumerate(sources):
        for c, target in enumerate(targets):
            cell = matrix.cell(source, target)
            if cell is None:
                axes.text(c, r, "not run", ha="center", va="center", fontsize=8, color=INK)
                continue
            shade[r, c] = max(0.0, (cell.ua.mean - cell.chance) / (1 - cell.chance))
            text = f"{100 * cell.ua.mean:.1f}"
            if cell.ua.low is not None and cell.ua.high is not None:
                text += f"\n{100 * cell.ua.low:.1f}–{100 * cell.ua.high:.1f}"
            colour = "white" if shade[r, c] > DARK else INK
            axes.text(c, r, text, ha="center", va="center", fontsize=9, color=colour)
    axes.imshow(shade, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(targets)), targets)
    axes.set_yticks(range(len(sources)), ["all others" if each == OTHERS else each for each in sources])
    axes.tick_params(length=0, colors=INK, labelsize=9)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlabel("tested on", fontsize=9, color=INK)
    axes.set_ylabel("trained on", fontsize=9, color=INK)
    save_titled(figure, path, f"UA in percent, 95 % intervals over test speakers; {matrix.label_space}")
