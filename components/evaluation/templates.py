"""The templates of the report's parts, and how figures are written in them. All that comes from data is escaped."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cost_chart import magnitude

if TYPE_CHECKING:
    import jinja2


@cache
def environment() -> "jinja2.Environment":
    """The templates of this folder and those below it, by their path; each is compiled once."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"pct": _percent, "p": _p_value, "number": _number, "signed": _signed}
    made.filters |= {"coefficient": _coefficient, "magnitude": magnitude, "exact": _exact, "nats": nats}
    made.filters |= {
        "exact_pct": lambda value: _data(value, _percent(value), 100),
        "exact_signed": lambda value: _data(value, _signed(value), 100),
        "exact_p": lambda value: _data(value, _p_value(value)),
        "exact_coefficient": lambda value: _data(value, _coefficient(value)),
    }
    return made


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f}"


def _signed(value: float | None, digits: int = 1) -> str:
    if value is None:
        return "–"
    rounded = round(100 * value, digits) or 0.0  # no −0
    return f"{rounded:+.{digits}f}".replace("-", "−")


def nats(value: float, digits: int = 2) -> str:
    """A signed value in nats."""
    rounded = round(value, digits) or 0.0  # no −0
    return f"{rounded:+.{digits}f}".replace("-", "−")


def _coefficient(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


def _p_value(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _number(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "–" if value is None else str(value).lower()
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _exact(value: float, scale: int = 1) -> str:
    """A figure as a CSV file has it: in the unit that the page shows, in all digits that mean anything."""
    return f"{scale * value:.10g}"


def _data(value: float | None, shown: str, scale: int = 1) -> str:
    """A figure as the page shows it, with that of the CSV file behind it."""
    from markupsafe import Markup

    return (
        shown if value is None else Markup('<data value="{}">{}</data>').format(_exact(value, scale), shown)
    )
