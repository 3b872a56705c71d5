"""An explanation as a picture: modalities, the waveform, the face's frames and the words, each with its drops."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...evaluation.plots import ACCENT, FAINT, INK, WARM, bare, new_figure, save_titled
from ...media.audio import RATE
from .explanation import Explanation, Seen, Window
from .profile import profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize

COLOURS = "RdBu_r"
"""Red: the probability is lower without it. Blue: it is higher."""
WIDTH = 10.0
"""Of the picture, in inches."""
FRAME = 62.0
"""Height of a frame, in points."""
COLUMNS = 1200
"""Of the waveform: each is drawn from its lowest to its highest sample."""
MOST_WORDS = 40
"""Bars; of more words, those with the greatest changes."""


def write(path: Path, found: Explanation, seen: Seen) -> None:
    """Draw an explanation as PNG, whole or not at all.

    Args:
        path: of the picture; its ending is ``.png``.
        found: what is drawn.
        seen: of the clip.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    drops = [each.drop for part in (found.audio, found.face, found.words) for each in part]
    most = max(map(abs, drops), default=0.0) or 0.01
    norm = Normalize(-100 * most, 100 * most)
    end = max((each.end_s for part in (found.audio, found.face) for each in part), default=0.0)
    samples, images, times = seen.samples, seen.images, seen.times_s
    panels: list[tuple[float, Callable[[Axes], None]]] = [
        (0.35 + 0.28 * len(found.modalities), lambda axes: _modalities(axes, found))
    ]
    if samples is not None:
        panels += [
            (1.3, lambda axes: _waveform(axes, samples, end)),
            (0.3, lambda axes: _strip(axes, found.audio, norm, end, "drop")),
        ]
    if images is not None and times is not None:
        panels += [
            (1.0, lambda axes: _frames(axes, images, times, end)),
            (0.3, lambda axes: _strip(axes, found.face, norm, end, "drop")),
        ]
    if found.words:
        panels.append((1.3, lambda axes: _words(axes, found, norm)))
    heights = [height for height, _ in panels]
    figure = new_figure(WIDTH, sum(heights) + 0.6 * len(panels) + 0.6)
    every = np.atleast_1d(figure.subplots(len(panels), 1, height_ratios=heights))
    for axes, (_, draw) in zip(every, panels, strict=True):
        draw(axes)
    if drops:
        bar = figure.colorbar(
            ScalarMappable(norm, COLOURS), ax=list(every[1:]), fraction=0.02, pad=0.01, aspect=30
        )
        bar.set_label("drop of the probability, points", fontsize=8, color=INK)
        bar.ax.tick_params(length=0, colors=INK, labelsize=8)
        bar.outline.set_visible(False)
    save_titled(
        figure,
        path,
        f"{Path(found.file).name}: {found.label}, probability {found.probability:.2f}, by {found.model}\n"
        f"drop: what the model loses without {found.window_s:g} s of sound or face, or without a word",
    )


def _modalities(axes: "Axes", found: Explanation) -> None:
    names = list(found.modalities)
    values = [100 * found.modalities[name].shapley for name in names]
    axes.barh(names, values, color=[WARM if value >= 0 else ACCENT for value in values], height=0.6)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    for at, value in enumerate(values):
        axes.annotate(
            f"{value:+.1f}",
            (value, at),
            xytext=(4 if value >= 0 else -4, 0),
            textcoords="offset points",
            ha="left" if value >= 0 else "right",
            va="center",
            fontsize=8,
            color=INK,
        )
    axes.invert_yaxis()
    axes.margins(x=0.12)
    bare(axes)
    _title(axes, "Shapley values of the modalities, points")


def _waveform(axes: "Axes", samples: np.ndarray, end: float) -> None:
    parts = np.array_split(samples, min(COLUMNS, len(samples)))
    middles = np.linspace(0, len(samples) / RATE, len(parts) + 1)
    at = (middles[:-1] + middles[1:]) / 2
    axes.fill_between(
        at, [part.min() for part in parts], [part.max() for part in parts], color=INK, linewidth=0.3
    )
    axes.set_xlim(0, end)
    axes.set_yticks([])
    bare(axes)
    axes.tick_params(labelbottom=False)
    _title(axes, "sound")


def _strip(axes: "Axes", windows: Sequence[Window], norm: "Normalize", end: float, label: str) -> None:
    """The mean drop of the windows that cover a moment, as colours; white where none does."""
    edges, drops = profile(windows)
    axes.pcolormesh(edges, [0, 1], 100 * np.ma.masked_invalid(drops)[None], norm=norm, cmap=COLOURS)
    axes.set_xlim(0, end)
    axes.set_yticks([0.5], [label])
    axes.set_xlabel("seconds", fontsize=8, color=INK, labelpad=1)
    bare(axes)


def _frames(axes: "Axes", images: np.ndarray, times: np.ndarray, end: float) -> None:
    """As many of the frames as have room, each where it was on show."""
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    height, width = images.shape[1:3]
    room = int(0.8 * 72 * WIDTH / (FRAME * width / height))
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), max(room, 1))).round().astype(int))
    for at in chosen:
        box = AnnotationBbox(
            OffsetImage(images[at], zoom=FRAME / height), (times[at], 0.5), frameon=False, pad=0
        )
        box.set_in_layout(False)
        axes.add_artist(box)
    axes.plot(times, np.full(len(times), -0.08), "|", color=INK, markersize=5, clip_on=False)
    axes.set_xlim(0, end)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    bare(axes)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(labelbottom=False)
    few = f", {len(chosen)} of them shown" if len(chosen) < len(images) else ""
    _title(axes, f"face: {len(images)} frames are looked at{few}")


def _words(axes: "Axes", found: Explanation, norm: "Normalize") -> None:
    from matplotlib import colormaps

    order = sorted(range(len(found.words)), key=lambda at: -abs(found.words[at].drop))
    words = [found.words[at] for at in sorted(order[:MOST_WORDS])]
    drops = np.array([100 * each.drop for each in words])
    colours = colormaps[COLOURS](norm(drops))
    axes.bar(range(len(words)), drops, color=colours, edgecolor=INK, linewidth=0.4, width=0.7)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.set_xticks(range(len(words)), [_plain(each.word) for each in words])
    if len(words) > 10:
        for label in axes.get_xticklabels():
            label.set(rotation=45, ha="right", rotation_mode="anchor")
    axes.set_xlim(-0.6, max(len(words), 6) - 0.4)
    axes.set_ylabel("points", fontsize=8, color=INK)
    bare(axes)
    few = (
        f": the {MOST_WORDS} of {len(found.words)} that change most" if len(words) < len(found.words) else ""
    )
    _title(axes, f"words{few}")


def _plain(word: str) -> str:
    """A word that matplotlib does not read as a formula."""
    return word.replace("$", r"\$")


def _title(axes: "Axes", text: str) -> None:
    axes.set_title(text, fontsize=9, loc="left", color=INK)
