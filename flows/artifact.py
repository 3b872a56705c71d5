"""The artifact of a run in the Prefect UI: the results, the model, links, what became of each stage and why."""

from collections.abc import Sequence

from emoflow.artifacts.reports import Metrics
from emoflow.errors import listed
from emoflow.evaluation.metrics import TITLES
from emoflow.evaluation.summary import COLUMNS, over, percent, ranked
from emoflow.pipeline import Outcome


def markdown(
    outcomes: Sequence[Outcome],
    metrics: Metrics | None,
    model: Sequence[str],
    links: Sequence[str] = (),
) -> str:
    """The whole artifact.

    Args:
        outcomes: what became of each stage.
        metrics: of the experiment; None where it is not evaluated.
        model: what became of the model, a sentence each.
        links: Markdown, a line each.

    Returns:
        Markdown.
    """
    parts = [results(metrics)] if metrics else []
    if model:
        parts.append("## Model\n\n" + "\n".join(f"- {_cell(line)}" for line in model))
    if links:
        parts.append("## Links\n\n" + "\n".join(f"- {line}" for line in links))
    return "\n\n".join([*parts, stages(outcomes)]) + "\n"


def results(metrics: Metrics) -> str:
    """The table of results: strategies × WA, UA, WF1 in percent with 95 % intervals.

    Args:
        metrics: of the experiment.

    Returns:
        Markdown; the strategy that validation chose is bold.
    """
    lines = [
        f"## Results ({_cell(metrics.protocol)})",
        "",
        _row("strategy", *(TITLES[c] for c in COLUMNS)),
    ]
    lines.append("|---|" + "---:|" * len(COLUMNS))
    for name, figures in ranked(metrics):
        title = f"**{name}** (best by validation)" if name == metrics.best else name
        lines.append(_row(title, *(percent(figures.pooled(column)) for column in COLUMNS)))
    lines += ["", f"Percent, 95 % intervals over {over(metrics)}."]
    lines += [
        f"- **{_cell(each.kind)}** passes the leakage gate: {_cell(each.reason)}" for each in metrics.waived
    ]
    lines += [f"- **Alarm**: {_cell(each.message)}" for each in metrics.alarms]
    return "\n".join(lines)


def stages(outcomes: Sequence[Outcome]) -> str:
    """The table of stages: whether DVC ran each, how long that took, and what differed from the last time.

    Args:
        outcomes: what became of each stage.

    Returns:
        Markdown.
    """
    lines = ["## Stages", "", _row("stage", "DVC", "seconds", "why"), "|---|---|---:|---|"]
    lines += [_row(each.stage, each.how, f"{each.seconds:.1f}", listed(each.why)) for each in outcomes]
    return "\n".join(lines)


def _row(*cells: str) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: object) -> str:
    """``value`` in one line, with nothing in it that Markdown would take for a column or a tag."""
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;")
