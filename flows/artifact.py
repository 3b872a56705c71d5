"""What a run leaves to read in the Prefect UI: the results, what became of each stage and why, the model."""

from collections.abc import Mapping, Sequence
from typing import Any

from emoflow.errors import listed
from emoflow.evaluation.metrics import TITLES
from emoflow.evaluation.summary import COLUMNS, over, percent, ranked
from emoflow.pipeline import Outcome


def markdown(outcomes: Sequence[Outcome], metrics: Mapping[str, Any] | None, model: Sequence[str]) -> str:
    """The whole artifact; ``metrics`` is what ``reports/metrics.json`` holds, ``model`` what became of the model."""
    parts = [results(metrics)] if metrics else []
    if model:
        parts.append("## Model\n\n" + "\n".join(f"- {_cell(line)}" for line in model))
    return "\n\n".join([*parts, stages(outcomes)]) + "\n"


def results(metrics: Mapping[str, Any]) -> str:
    """Strategies × WA, UA, WF1 in percent with 95 % intervals; the one that validation chose in bold."""
    lines = [
        f"## Results ({_cell(metrics['protocol'])})",
        "",
        _row("strategy", *(TITLES[c] for c in COLUMNS)),
    ]
    lines.append("|---|" + "---:|" * len(COLUMNS))
    for name, held in ranked(metrics):
        title = f"**{name}** (best by validation)" if name == metrics["best"] else name
        lines.append(_row(title, *(percent(held[column]) for column in COLUMNS)))
    lines += ["", f"Percent, 95 % intervals over {over(metrics)}."]
    lines += [
        f"- **{_cell(each['kind'])}** passes the leakage gate: {_cell(each['reason'])}"
        for each in metrics.get("waived", [])
    ]
    lines += [f"- **Alarm**: {_cell(each['message'])}" for each in metrics.get("alarms", [])]
    return "\n".join(lines)


def stages(outcomes: Sequence[Outcome]) -> str:
    """Each stage: whether DVC ran it, how long that took, and what differed from the last time."""
    lines = ["## Stages", "", _row("stage", "DVC", "seconds", "why"), "|---|---|---:|---|"]
    lines += [_row(each.stage, each.how, f"{each.seconds:.1f}", listed(each.why)) for each in outcomes]
    return "\n".join(lines)


def _row(*cells: str) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: object) -> str:
    """One line, in which no character of it makes a column or a tag."""
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;")
