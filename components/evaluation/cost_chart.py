"""The report's charts of UA against what a strategy costs, in SVG units."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10
from typing import Any

from ..artifacts.reports import Metrics

WIDTH, HEIGHT = 320.0, 210.0
"""Of the area between the axes."""
LETTER, LINE = 6.0, 12.0
"""About the width of a letter and the height of a line of the labels."""
RADIUS = 4.0
"""Of a dot."""
LEFT, RIGHT = 24.0, 14.0
"""Room beside that area, for labels and the axis."""
MOST_TICKS = 9
"""Of the cost; where there are more, those of powers of ten alone are shown."""
PREFIXES = ("", " k", " M", " G", " T", " P")


@dataclass(frozen=True)
class Box:
    """A rectangle that a label or a dot covers."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Whether the two overlap."""
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.bottom <= other.top or other.bottom <= self.top)

    def inside(self) -> bool:
        """Whether the chart has room for it."""
        return (
            self.left >= -LEFT and self.right <= WIDTH + RIGHT and self.top >= -LINE and self.bottom <= HEIGHT
        )


def cost_chart(metrics: Metrics) -> dict[str, Any]:
    """The chart of UA against operations, see `chart_of`.

    Args:
        metrics: of the experiment.

    Returns:
        Empty where no strategy but baselines was counted.
    """
    operations = {
        name: figures.operations
        for name, figures in metrics.strategies.items()
        if figures.operations and not figures.baseline
    }
    return chart_of(metrics, operations, front=metrics.cost.front, shown=magnitude) if operations else {}


def chart_of(
    metrics: Metrics,
    costs: Mapping[str, int],
    *,
    front: Sequence[str],
    shown: Callable[[int], str],
) -> dict[str, Any]:
    """Dots from the cheapest on, their intervals, the Pareto front as a staircase, labels of it, and the axes' ticks.

    Args:
        metrics: of the experiment.
        costs: strategy → what it costs, 1 at least; of one strategy or more.
        front: the Pareto front, from the cheapest on.
        shown: how a cost is written on the axis.
    """
    held = {name: (cost, metrics.strategies[name].ua.mean) for name, cost in costs.items()}
    held = dict(sorted(held.items(), key=lambda item: item[1]))
    across = _log_ticks([cost for cost, _ in held.values()])
    intervals = {name: metrics.strategies[name].ua for name in held}
    bounds = [bound for ua in intervals.values() for bound in (ua.low, ua.mean, ua.high) if bound is not None]
    up = _percent_ticks(bounds)

    def x_of(cost: int) -> float:
        return round(WIDTH * log10(cost / across[0]) / log10(across[-1] / across[0]), 1)

    def y_of(percent: float) -> float:
        return round(HEIGHT * (up[-1] - percent) / (up[-1] - up[0]), 1)

    places = {name: (x_of(cost), y_of(100 * ua)) for name, (cost, ua) in held.items()}
    best = [places[name] for name in front]
    steps = [(x, before) for (_, before), (x, _) in pairwise(best)]
    corners = [best[0], *(corner for pair in zip(steps, best[1:], strict=True) for corner in pair)]
    named = dict.fromkeys([metrics.best, metrics.cost.cheapest, *reversed(front)])
    dots = [Box(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y in places.values()]
    lines = [Box(min(a, c), min(b, d), max(a, c), max(b, d)) for (a, b), (c, d) in pairwise(corners)]
    axis = [Box(-LEFT, y_of(each) - LINE / 2, -RADIUS, y_of(each) + LINE / 2) for each in up]
    labelled = (
        across if len(across) <= MOST_TICKS else [each for each in across if str(each).strip("0") == "1"]
    )
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": RIGHT,
        "radius": RADIUS,
        "dots": places,
        "whiskers": [
            (places[name][0], y_of(100 * ua.low), y_of(100 * ua.high))
            for name, ua in intervals.items()
            if ua.low is not None and ua.high is not None
        ],
        "front": " ".join(f"{x},{y}" for x, y in corners),
        "labels": labels({name: places[name] for name in named if name in places}, [*dots, *lines, *axis]),
        "across": [(x_of(each), shown(each)) for each in labelled],
        "up": [(y_of(each), each) for each in up],
    }


def _log_ticks(values: Sequence[int]) -> list[int]:
    """1, 2 and 5 times the powers of ten, from the last one that no value is below to the first that none is above."""
    decades = range(floor(log10(min(values))), ceil(log10(max(values))) + 2)
    ticks = [step * 10**decade for decade in decades for step in (1, 2, 5)]
    begin = max(tick for tick in ticks if tick <= min(values))
    return [tick for tick in ticks if begin <= tick <= min(end for end in ticks if end > max(values))]


def _percent_ticks(shares: Sequence[float]) -> list[int]:
    """Whole tens of percent that hold all shares, two at least."""
    low, high = floor(10 * min(shares)), ceil(10 * max(shares))
    return [10 * tenth for tenth in range(low, max(high, low + 1) + 1)]


def labels(
    named: Mapping[str, tuple[float, float]], covered: Iterable[Box]
) -> list[tuple[str, float, float, str]]:
    """Place names beside their dots, where there is room.

    Args:
        named: name → the centre of its dot, the most important first.
        covered: where there is no room: the dots and the line.

    Returns:
        Name, x, y of the baseline and SVG's ``text-anchor`` for each that found room: left or right of its dot, above
        or below it.
    """
    taken = list(covered)
    placed = []
    for name, (x, y) in named.items():
        width, away = LETTER * len(name), RADIUS + 4
        for anchor, left, bottom in (
            ("end", x - away - width, y + LINE / 2),
            ("start", x + away, y + LINE / 2),
            ("end", x - width, y - RADIUS - 1),
            ("start", x, y - RADIUS - 1),
            ("start", x, y + RADIUS + LINE),
            ("end", x - width, y + RADIUS + LINE),
        ):
            box = Box(left, bottom - LINE, left + width, bottom)
            if box.inside() and not any(box.meets(other) for other in taken):
                taken.append(box)
                edge = box.right if anchor == "end" else box.left
                placed.append((name, round(edge, 1), round(box.bottom - 3, 1), anchor))
                break
    return placed


def magnitude(value: int) -> str:
    """A count in three digits: ``12.3 M``."""
    power = min(len(PREFIXES) - 1, max(0, (len(f"{float(f'{value:.3g}'):.0f}") - 1) // 3))
    return f"{value / 1000**power:.3g}{PREFIXES[power]}"
