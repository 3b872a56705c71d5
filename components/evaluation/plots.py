"""The plots: PNG files to look at, and the tables that DVC draws (`dvc plots show`)."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..artifacts.reports import Interval, Metric, Metrics
from ..files import csv_text, replacing
from .predictions import Predictions
from .summary import over, ranked

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOTTED: tuple[Metric, ...] = ("ua", "wa", "wf1")
ACCENT, INK, FAINT, WARM = "#2457c5", "#1d2433", "#9aa3b2", "#c2571a"


def write(folder: Path, metrics: Metrics, predictions: Predictions, curves: "pd.DataFrame") -> None:
    """Write confusion, strategies and curves, each as PNG and as CSV.

    Args:
        folder: exists.
        metrics: of the experiment.
        predictions: those that the metrics are of.
        curves: of the chosen configurations alone, see `searched.chosen_curves`.
    """
    _tables(folder, metrics, predictions, curves)
    for name, figure in (
        ("confusion", _confusion(metrics)),
        ("strategies", _strategies(metrics)),
        ("curves", _curves(metrics)),
    ):
        figure.savefig(
            folder / f"{name}.png", dpi=150, metadata={"Software": None, "Title": f"{name}, {_of(metrics)}"}
        )


def _tables(folder: Path, metrics: Metrics, predictions: Predictions, curves: "pd.DataFrame") -> None:
    import pandas as pd

    classes = np.array(predictions.classes)
    confusion = pd.DataFrame(
        {
            "actual": classes[predictions.truth],
            "predicted": classes[predictions.predicted(metrics.best)],
        }
    ).sort_values(["actual", "predicted"])
    strategies = pd.DataFrame(
        [
            {"strategy": f"{name} (inflated)" if metrics.inflated else name}
            | {
                f"{metric}{end}": value
                for metric in PLOTTED
                for end, value in _bounds(figures.pooled(metric))
            }
            for name, figures in ranked(metrics)
        ]
    )
    best = curves[curves["strategy"] == metrics.best]
    learning = best.groupby("epoch", as_index=False)[["train_loss", "loss", "ua"]].mean()
    for name, table in (("confusion", confusion), ("strategies", strategies), ("curves", learning)):
        text = csv_text(table.assign(protocol=metrics.protocol), float_format="%.6f")
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")


def _bounds(interval: Interval) -> list[tuple[str, float | None]]:
    """A figure and the bounds of its interval, each with the end of its column's name."""
    return [("", interval.mean), ("_low", interval.low), ("_high", interval.high)]


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure that needs no display, sizes in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save_titled(figure: "Figure", path: Path, title: str) -> None:
    """Write a figure as PNG under a title, whole or not at all."""
    figure.suptitle(title, fontsize=10, color=INK, x=0.01, ha="left")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150, format="png", metadata={"Software": None})


def bare(axes: "Axes") -> None:
    """Draw no frame but the bottom line, and no ticks."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.tick_params(length=0, colors=INK, labelsize=9)


def _confusion(metrics: Metrics) -> "Figure":
    """Share of each actual class by predicted class, with counts, of the registered strategy."""
    counts, classes = np.array(metrics.confusion.counts), metrics.classes
    rows = counts.sum(1, keepdims=True)
    share = np.divide(counts, rows, out=np.zeros(counts.shape), where=rows > 0)
    side = 1.6 + 0.62 * len(classes)
    figure = new_figure(side + 0.6, side)
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (i, j), value in np.ndenumerate(share):
        text = f"{100 * value:.0f}%\n{counts[i, j]}" if counts[i, j] else "·"
        axes.text(j, i, text, ha="center", va="center", fontsize=8, color="white" if value > 0.55 else INK)
    axes.set_xticks(range(len(classes)), classes, rotation=40, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("predicted", color=INK)
    axes.set_ylabel("actual", color=INK)
    axes.set_title(
        f"{metrics.confusion.strategy}: share of each actual class, and counts\n{_of(metrics)}",
        fontsize=10,
    )
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, labelsize=9, colors=INK)
    return figure


def _strategies(metrics: Metrics) -> "Figure":
    """UA of each strategy as a dot with its interval; one-modality baselines hollow, ceilings as ticks."""
    rows = ranked(metrics)[::-1]
    figure = new_figure(8, 1.5 + 0.42 * len(rows))
    axes = figure.subplots()
    ceiling = metrics.ceiling.strategies if metrics.ceiling else {}
    for y, (name, figures) in enumerate(rows):
        ua, best = figures.ua, name == metrics.best
        colour = ACCENT if best else INK
        if ua.low is not None and ua.high is not None:
            axes.plot([100 * ua.low, 100 * ua.high], [y, y], color=colour, linewidth=2.5 if best else 1.5)
        hollow = figures.modalities == [name] or figures.baseline
        axes.plot(
            100 * ua.mean,
            y,
            "o",
            markersize=8,
            color=colour,
            markerfacecolor="white" if hollow else colour,
        )
        if name in ceiling:
            axes.plot(100 * ceiling[name].oracle_ua, y, "|", color=WARM, markersize=15, markeredgewidth=2)
    axes.axvline(100 / len(metrics.classes), color=FAINT, linewidth=1, linestyle=":")
    axes.set_yticks(range(len(rows)), [("★ " if name == metrics.best else "") + name for name, _ in rows])
    bare(axes)
    axes.grid(axis="x", color="#e6e9ef", linewidth=0.8)
    axes.set_axisbelow(True)
    note = "hollow: one modality or none; dotted: chance" + (
        "; orange tick: the oracle of its modalities" if ceiling else ""
    )
    axes.set_xlabel(f"UA in percent, 95 % interval over {over(metrics)}\n{note}", color=INK, fontsize=9)
    axes.set_title(_of(metrics), fontsize=10, loc="left", color=INK)
    return figure


def _of(metrics: Metrics) -> str:
    """The line that says under which protocol the figures are, broken where it is long."""
    return textwrap.fill(f"protocol {metrics.protocol}", 70, break_on_hyphens=False)


def _curves(metrics: Metrics) -> "Figure":
    """Validation UA by epoch of the choices: a panel per strategy, mean and sd over folds and seeds."""
    best = metrics.best
    curves = {name: searched.curve for name, searched in metrics.search.strategies.items()}
    names = [name for name, curve in curves.items() if curve.epoch]
    columns = min(4, max(1, len(names)))
    rows = -(-max(1, len(names)) // columns)
    figure = new_figure(max(5.2, 2.6 * columns), 1.0 + 1.9 * rows)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, name in zip(panels, names, strict=False):
        epoch, colour = curves[name].epoch, ACCENT if name == best else INK
        ua = 100 * np.array(curves[name].ua, dtype=float)
        sd = 100 * np.nan_to_num(np.array(curves[name].ua_sd, dtype=float))
        panel.fill_between(epoch, ua - sd, ua + sd, color=colour, alpha=0.2, linewidth=0)
        panel.plot(epoch, ua, color=colour, linewidth=1.3)
        bare(panel)
        panel.grid(axis="y", color="#e6e9ef", linewidth=0.8)
        panel.set_title(("★ " if name == best else "") + name, fontsize=9, loc="left", color=INK)
    for panel in panels[len(names) :]:
        panel.set_visible(False)
    figure.suptitle(_of(metrics), fontsize=10, color=INK)
    figure.supxlabel("epoch", fontsize=9, color=INK)
    figure.supylabel("validation UA, percent; band: ± 1 sd, folds × seeds", fontsize=9, color=INK)
    return figure
