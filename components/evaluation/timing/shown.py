"""The timings beside the report: ``timings.js``, which the page loads from its own folder and shows.

The page is a stage output, and the same inputs give the same page; times differ from one run to the next, so they are
kept out of it. The file is no stage output and nothing depends on it. It names the metrics that it belongs to, and a
page of other metrics ignores it.
"""

import json
from pathlib import Path

from ...artifacts.reports import Metrics
from ...files import write_text
from ..cost import pareto_front
from ..cost_chart import chart_of
from ..run_links import identity
from ..templates import environment
from .measure import BATCH, ENCODED, FUSED, Timings

NAME = "timings.js"


def write(reports: Path, metrics: Metrics, timings: Timings) -> None:
    """Write ``timings.js``.

    Args:
        reports: the folder of the report.
        metrics: of the experiment whose strategies were timed.
        timings: of these.
    """
    content = {"metrics": identity(metrics), "html": fragment(metrics, timings)}
    text = json.dumps(content, sort_keys=True, ensure_ascii=True).replace("<", "\\u003c")
    write_text(reports / NAME, f"emoflowTimings({text});\n")


def fragment(metrics: Metrics, timings: Timings) -> str:
    """What the page shows of them, as HTML.

    Args:
        metrics: of the experiment whose strategies were timed.
        timings: of these.
    """
    answers = [times.answer for times in timings.strategies.values()]
    whole = all(answers)  # times of different things are not compared
    latencies = answers if whole else [times.fuse for times in timings.strategies.values()]
    costs = {
        name: max(1, round(1e6 * latency.p50_s))
        for name, latency in zip(timings.strategies, latencies, strict=True)
        if latency
    }
    front = pareto_front(costs, metrics.strategies)
    return (
        environment()
        .get_template("timing/timings.html.j2")
        .render(
            m=metrics,
            timings=timings,
            whole=whole,
            chart=chart_of(metrics, costs, front=front, shown=duration),
            front=front,
            costs={name: duration(cost) for name, cost in costs.items()},
            duration=duration,
            encoded=ENCODED,
            fused=FUSED,
            batch=BATCH,
        )
    )


def duration(microseconds: float) -> str:
    """In three digits: ``12.3 ms``."""
    if microseconds < 999.5:
        return f"{microseconds:.3g} µs"
    if microseconds < 999_500:
        return f"{microseconds / 1e3:.3g} ms"
    return f"{microseconds / 1e6:.3g} s"
