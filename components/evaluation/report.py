"""The report: one HTML page that needs nothing else. The template escapes everything that comes from data.

It links the Data Docs and the figure of `emoflow corpora describe`, which lie beside it, and shows what `run_links`
and `timing.shown` leave there.
"""

import base64
import hashlib
from collections.abc import Sequence
from math import comb
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..artifacts.reports import Metrics
from ..artifacts.search import TRIALS, Best
from .agreement import reading
from .answer import answer
from .attributions import shown as attributions
from .comparison import least
from .contributions.shown import shown
from .cost import cheapest
from .cost_chart import cost_chart, magnitude
from .metrics import TITLES
from .robustness.panels import panels as robustness_panels
from .run_links import identity
from .summary import SCORED_BY, diverged, out_of_reach, over, ranked, trials_by_status
from .templates import environment

if TYPE_CHECKING:
    import pandas as pd

SCRIPT = Path(__file__).with_name("report.js")
"""The only script that the page's content security policy lets run, by its digest, beside the files ``run.js`` and
``timings.js``."""
PANEL = {"width": 220.0, "height": 96.0}
"""Of one learning-curve panel, in SVG units."""
SQUARE = 200.0
FILMS = {".mp4", ".mov", ".webm", ".avi", ".mkv", ".flv"}
FAILURES_SHOWN = 10


def page(metrics: Metrics, *, best: Best, trials: "pd.DataFrame") -> str:
    """The report as HTML.

    Args:
        metrics: of the experiment.
        best: what the search chose.
        trials: all trials of the search, see `artifacts.search.TRIALS`.
    """
    script = SCRIPT.read_text(encoding="utf-8")
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            script=script,
            script_hash=f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}",
            m=metrics,
            answer=answer(metrics),
            identity=identity(metrics),
            best=metrics.strategies[metrics.best],
            rows=ranked(metrics),
            titles=TITLES,
            over=over(metrics),
            diverged=diverged(metrics),
            axis=_axis(metrics),
            chart=cost_chart(metrics),
            operations={
                name: f"{magnitude(figures.operations)} operations"
                for name, figures in metrics.strategies.items()
                if figures.operations
            },
            cheapest=cheapest(metrics),
            contributions=shown(metrics),
            matrix=_matrix(metrics),
            search=best,
            panels=_panels(metrics),
            worse=robustness_panels(metrics.robustness),
            reliability=_reliability(metrics),
            errors=[
                (each, *_player(each.recording), attributions.shown(each)) for each in metrics.misclassified
            ],
            layers=_layers(metrics),
            failed=_failed(trials),
            least_p=least(metrics.counts.speakers + metrics.counts.nameless),
            out_of_reach=out_of_reach(metrics),
            trials_by_status=trials_by_status(metrics.search),
            agreement=reading(metrics.search.strategies[metrics.best]),
            scored_by=SCORED_BY,
            pairs=comb(len(metrics.comparisons) + 1, 2),
        )
    )


def _axis(metrics: Metrics) -> dict[str, Any]:
    """The percent axis of the dots: from and to whole tens that hold every interval, ceiling and chance."""
    chance = 1 / len(metrics.classes)
    ceiling = metrics.ceiling.strategies.values() if metrics.ceiling else ()
    values = [chance, *(compared.oracle_ua for compared in ceiling)]
    for figures in metrics.strategies.values():
        ua = figures.ua
        values += [value for value in (ua.mean, ua.low, ua.high) if value is not None]
    if metrics.best in metrics.contributions:
        subsets = metrics.contributions[metrics.best].subsets.values()
        values += [value for ua in subsets for value in (ua.mean, ua.low) if value is not None]
    low, high = int(10 * min(values)) / 10, min(1.0, int(10 * max(values) + 1) / 10)
    span = high - low
    step = 0.1 if span <= 0.6 else 0.2
    count = int(round(span / step, 6))
    return {
        "low": low,
        "span": span,
        "chance": chance,
        "ticks": [low + step * n for n in range(count + 1)],
    }


def _matrix(metrics: Metrics) -> list[dict[str, Any]]:
    rows = []
    for label, counts in zip(metrics.classes, metrics.confusion.counts, strict=True):
        total = sum(counts)
        cells = [{"count": count, "share": count / total if total else 0.0} for count in counts]
        rows.append({"label": label, "total": total, "cells": cells})
    return rows


def _panels(metrics: Metrics) -> dict[str, Any] | None:
    """Small multiples of validation UA by epoch: the mean and a band of one standard deviation over folds and seeds,
    in SVG units; None without curves."""
    searched = metrics.search.strategies
    curves = {
        name: searched[name].curve
        for name, _ in ranked(metrics)
        if name in searched and searched[name].curve.epoch
    }
    if not curves:
        return None
    bands = {
        name: [
            (epoch, mean - (sd or 0.0), mean, mean + (sd or 0.0))
            for epoch, mean, sd in zip(curve.epoch, curve.ua, curve.ua_sd, strict=True)
            if mean is not None
        ]
        for name, curve in curves.items()
    }
    top = max([0.1, *(high for band in bands.values() for *_, high in band)])
    epochs = [epoch for curve in curves.values() for epoch in curve.epoch]
    first, last = min(epochs), max(max(epochs), 1)

    def points(band: Sequence[tuple[float, ...]], column: int) -> list[str]:
        return [
            f"{(row[0] - first) / max(last - first, 1) * PANEL['width']:.1f},"
            f"{PANEL['height'] * (1 - max(row[column], 0.0) / top):.1f}"
            for row in band
        ]

    panels = [
        {
            "name": name,
            "line": " ".join(points(band, 2)),
            "band": " ".join(points(band, 1) + points(band, 3)[::-1]),
            "curves": max(curves[name].curves),
        }
        for name, band in bands.items()
    ]
    return {"panels": panels, "top": top, "first": first, "last": last} | PANEL


def _player(recording: str | None) -> tuple[str | None, str]:
    """The element that plays a recording, and the address of the recording from the report's folder."""
    if recording is None:
        return None, ""
    path, _, part = recording.partition("#")
    kind = "video" if Path(path).suffix.lower() in FILMS else "audio"
    return kind, f"../{quote(path)}" + (f"#{part}" if part else "")


def _reliability(metrics: Metrics) -> dict[str, Any] | None:
    """The registered strategy's reliability diagram and its accuracy by share answered, in SVG units of a square of
    `SQUARE`; None where the metrics hold no probabilities."""
    held = metrics.probabilities.get(metrics.best)
    if held is None:
        return None

    def at(x: float, y: float) -> tuple[float, float]:
        return round(SQUARE * x, 1), round(SQUARE * (1 - y), 1)

    return {
        "held": held,
        "side": SQUARE,
        "bins": [(*at(each.confidence, each.accuracy), each) for each in held.reliability],
        "answered": [
            (*at(float(share), accuracy), share, accuracy) for share, accuracy in held.answered.items()
        ],
        "most": max(held.sets.sizes) if held.sets else None,
    }


def _layers(metrics: Metrics) -> list[dict[str, Any]]:
    """A bar chart for each encoder whose layers are weighted: heights as shares of the chart's, which ends at the
    highest mean and standard deviation."""
    charts = []
    for modality, encoders in metrics.layer_weights.items():
        for encoder, weights in encoders.items():
            spread = weights.sd or [0.0] * len(weights.mean)
            pairs = list(zip(weights.mean, spread, strict=True))
            top = max(mean + sd for mean, sd in pairs)
            bars = [
                {
                    "weight": mean,
                    "sd": sd,
                    "height": mean / top,
                    "from": max(mean - sd, 0) / top,
                    "span": 2 * sd / top,
                }
                for mean, sd in pairs
            ]
            charts.append(
                {
                    "modality": modality,
                    "encoder": encoder,
                    "bars": bars,
                    "most": weights.mean.index(max(weights.mean)),
                    "even": 1 / len(bars),
                    "even_height": 1 / len(bars) / top,
                    "spread": weights.sd is not None,
                }
            )
    return charts


def _failed(trials: "pd.DataFrame") -> list[str]:
    failed = trials[trials["status"] == "failed"]
    sentences = [
        f"{row.strategy}, fold {row.fold}, trial {row.trial}, seed {row.seed}: {row.reason}"
        for row in failed.head(FAILURES_SHOWN).itertuples()
    ]
    more = len(failed) - len(sentences)
    return sentences + [f"and {more:,} more: {TRIALS.path()}"] * (more > 0)
