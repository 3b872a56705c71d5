"""A comparison for a terminal."""

from typing import TYPE_CHECKING

from ...artifacts.reports import Interval
from ..metrics import TITLES
from ..summary import percent
from .answer import points
from .findings import Comparison, Named, Pair

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

KINDS = {
    "nested": "chosen: each fold's own choice, the figure to quote",
    "registered": "registered: may be a little too high",
    "named": "the strategy that was named",
}
NESTED_BUT_INFLATED = "chosen: each fold's own choice"
LONGEST = 48
"""Characters of a value of params.yaml that are shown."""


def rendered(comparison: Comparison) -> "RenderableType":
    """Both experiments, each pair of strategies with its answer, and what differs in params.yaml.

    Args:
        comparison: of the two.
    """
    from rich.console import Group

    lines = [_experiment("A", comparison.a), _experiment("B", comparison.b), _on_what(comparison)]
    if comparison.inflated:
        lines.append(f"inflated: {comparison.inflated}")
    parts: list[RenderableType] = [_text("\n".join(lines))]
    for number, pair in enumerate(comparison.pairs):
        parts += [_heading(_kind(pair, comparison)), _figures(pair), _text(_notes(pair))]
        if not number:
            parts += [_heading("recall of each class"), _recall(pair)]
    if comparison.params:
        parts += [_heading("what differs in params.yaml"), _params(comparison)]
    else:
        parts.append(_text("\nno key of params.yaml differs"))
    return Group(*parts)


def _heading(title: str) -> "RenderableType":
    from rich.text import Text

    return Text(f"\n{title}", style="bold")


def _text(text: str) -> "RenderableType":
    from rich.text import Text

    return Text(text)


def _experiment(letter: str, named: Named) -> str:
    return f"{letter}  {named.name} ({named.source}); registered: {named.registered}"


def _on_what(comparison: Comparison) -> str:
    line = f"protocol {comparison.protocol}: {comparison.utterances:,} utterances of {comparison.speakers:,} speakers"
    if comparison.same_folds:
        return line
    return (
        f"{line}, common to both (A tests {comparison.a.utterances:,}, B {comparison.b.utterances:,}). The folds "
        "differ, so other training rows are part of the difference, and there is no test over folds"
    )


def _kind(pair: Pair, comparison: Comparison) -> str:
    return NESTED_BUT_INFLATED if pair.kind == "nested" and comparison.inflated else KINDS[pair.kind]


def _figures(pair: Pair) -> "Table":
    from rich.markup import escape

    table = _table()
    table.add_column("percent", no_wrap=True)
    for letter, strategy in (("A", pair.a), ("B", pair.b)):
        table.add_column(letter if pair.kind == "nested" else f"{letter}: {escape(strategy)}")
    table.add_column("B − A, points", no_wrap=True)
    for name, measured in pair.figures.items():
        a, b = percent(measured.a), percent(measured.b)
        table.add_row(TITLES[name], a, b, _difference(measured.difference))
    return table


def _recall(pair: Pair) -> "Table":
    from rich.markup import escape

    table = _table()
    table.add_column("percent")
    for column in ("utterances", "A", "B", "B − A, points"):
        table.add_column(column, no_wrap=True, justify="left" if "−" in column else "right")
    for row in pair.recall:
        if row.a is None or row.b is None or row.difference is None:
            table.add_row(escape(row.label), "0", "–", "–", "–")
        else:
            a, b = f"{100 * row.a:.1f}", f"{100 * row.b:.1f}"
            table.add_row(escape(row.label), f"{row.utterances:,}", a, b, _difference(row.difference))
    return table


def _table() -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)


def _difference(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return points(interval.mean)
    return f"{points(interval.mean)} ({points(interval.low)} to {points(interval.high)})"


def _notes(pair: Pair) -> str:
    effect, outcomes = pair.effect, pair.outcomes
    speakers = (
        f"UA of B is higher for {effect.better} speakers, lower for {effect.worse}, equal for {effect.equal}"
    )
    size = (
        ""
        if effect.d_z is None
        else f"; effect size d_z = {effect.d_z:+.2f} (mean over speakers / its standard deviation; 0.2 is small, 0.5 "
        "medium, 0.8 large)".replace("-", "−")
    )
    right = (
        f"right by both {outcomes.both:,}, by A alone {outcomes.only_a:,}, by B alone {outcomes.only_b:,}, by neither "
        f"{outcomes.neither:,} utterances"
    )
    return f"{pair.answer}\n{speakers}{size}\n{right}"


def _params(comparison: Comparison) -> "Table":
    from rich.markup import escape

    table = _table()
    for column in ("key", "A", "B"):
        table.add_column(column, overflow="fold")
    for key, (a, b) in comparison.params.items():
        table.add_row(escape(key), escape(_cut(a)), escape(_cut(b)))
    return table


def _cut(value: str | None) -> str:
    if value is None:
        return "not stated"
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
