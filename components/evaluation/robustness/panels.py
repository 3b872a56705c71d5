"""UA by level as small multiples, one panel per condition, in SVG units."""

from typing import Any

from ...artifacts.reports import Interval, Robustness

WIDTH, HEIGHT = 220.0, 96.0
MOST_LABELS = 6
"""Levels of a panel that are all named beneath it; of more, the first and the last."""


def panels(robustness: Robustness | None) -> dict[str, Any] | None:
    """What the report draws; None where no condition was tested.

    All panels reach from 0 to ``top``. Levels lie evenly, whatever their distance, in the order of the condition.
    """
    if robustness is None or not robustness.conditions:
        return None
    figures = [robustness.clean, *robustness.without.values()] + [
        level.ua for each in robustness.conditions.values() for level in each.levels
    ]
    top = min(1.0, 1.05 * max(_high(each) for each in figures))

    def y(value: float) -> float:
        return round(HEIGHT * (1 - value / top), 1)

    def x(place: int, count: int) -> float:
        return round(WIDTH * (place + 0.5) / count, 1)

    drawn = []
    for name, each in robustness.conditions.items():
        count = len(each.levels)
        dots = [
            {"x": x(k, count), "y": y(level.ua.mean), "from": y(_low(level.ua)), "to": y(_high(level.ua))}
            | {"level": level.level, "ua": level.ua}
            for k, level in enumerate(each.levels)
        ]
        named = dots if count <= MOST_LABELS else [dots[0], dots[-1]]
        without = robustness.without.get("+".join(each.changes))
        drawn.append(
            {
                "name": name,
                "unit": each.unit,
                "dots": dots,
                "named": named,
                "without": without and y(without.mean),
            }
        )
    clean = robustness.clean
    return {"panels": drawn, "top": top, "clean": y(clean.mean), "width": WIDTH, "height": HEIGHT}


def _low(interval: Interval) -> float:
    return interval.mean if interval.low is None else interval.low


def _high(interval: Interval) -> float:
    return interval.mean if interval.high is None else interval.high
