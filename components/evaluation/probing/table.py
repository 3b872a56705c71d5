"""What probing found, for a terminal."""

from typing import TYPE_CHECKING

from ...artifacts.reports import Interval
from .findings import Probed, ProbedBlock, ProbedTarget, Probing

if TYPE_CHECKING:
    from rich.table import Table

UNITS = {"ua": "UA", "r2": "R²"}


def table(found: Probing) -> "Table":
    """Blocks × targets in percent: the figure, the selectivity, and the figure's interval.

    Args:
        found: of all blocks.
    """
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    shown = Table(
        title=f"linear probes, protocol {escape(found.protocol)}: percent, selectivity with its sign, 95 % intervals "
        "over speakers",
        caption="\n".join(escape(line) for line in _notes(found)),
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        collapse_padding=True,
    )
    shown.add_column("features (dimensions)", overflow="fold", min_width=14)
    for target in found.targets:
        shown.add_column(f"{target.name}\n[dim]{_scale(target)}[/dim]")
    for modality in dict.fromkeys(block.modality for block in found.blocks):
        shown.add_row(f"[bold]{escape(modality)}[/bold]")
        for block in found.blocks:
            if block.modality == modality:
                cells = [_cell(block.targets[target.name]) for target in found.targets]
                shown.add_row(f"  {escape(_name(block))}", *cells)
    return shown


def _name(block: ProbedBlock) -> str:
    layer = "" if block.layer is None else f" layer {block.layer}"
    return f"{block.encoder}{layer} ({block.dimensions:,})"


def _scale(target: ProbedTarget) -> str:
    """The metric, and what a guess has."""
    if target.metric == "r2":
        return UNITS[target.metric]
    return f"{UNITS[target.metric]}\nchance {_percent(target.chance)}"


def _cell(probed: Probed | None) -> str:
    if probed is None:
        return "–"
    figure = f"{_percent(probed.figure.mean)} [dim]{_percent(probed.selectivity.mean, sign=True)}[/dim]"
    bounds = _bounds(probed.figure)
    return f"{figure}\n[dim]{bounds}[/dim]" if bounds else figure


def _percent(share: float, *, sign: bool = False) -> str:
    return (f"{100 * share:+.1f}" if sign else f"{100 * share:.1f}").replace("-", "−")


def _bounds(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return ""
    return f"{_percent(interval.low)}–{_percent(interval.high)}"


def _notes(found: Probing) -> list[str]:
    lines = [
        "selectivity: how far the figure is above that of the control task, whose values are dealt out at random"
    ]
    lines += [
        f"{', '.join(names)}: tested on {split}"
        + ("" if disjoint else "; speakers are in training and test, so there is no interval")
        for (split, disjoint), names in _by_split(found.targets).items()
    ]
    if any(target.name == "emotion" for target in found.targets):
        lines.append("emotion: these are test rows; do not choose an encoder or a layer by them")
    lines += [f"{target.name}: {remark}" for target in found.targets for remark in target.remarks]
    lines += [f"{name} is left out: {why}" for name, why in found.left_out.items()]
    if any(each is None for block in found.blocks for each in block.targets.values()):
        lines.append("–: too few utterances have these features for a training and a test part")
    return lines


def _by_split(targets: list[ProbedTarget]) -> dict[tuple[str, bool], list[str]]:
    """The targets that are split alike."""
    alike: dict[tuple[str, bool], list[str]] = {}
    for target in targets:
        alike.setdefault((target.split, target.speaker_disjoint), []).append(target.name)
    return alike
