"""What probing found, for a terminal."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from ...artifacts.reports import Interval
from .findings import Probed, ProbedBlock, ProbedLayer, ProbedModels, ProbedTarget, Probing
from .sentences import UNITS, of_embedding, percent

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table


def tables(found: Probing) -> "Group":
    """The encoders' blocks, and below them the fusion's layers where they were probed."""
    from rich.console import Group

    if found.fusion is None:
        return Group(table(found))
    return Group(table(found), "", table_of_layers(found, found.fusion))


def table(found: Probing) -> "Table":
    """Blocks × targets in percent: the figure, the selectivity, and the figure's interval.

    Args:
        found: of all blocks.
    """
    title = (
        f"linear probes of the encoders, protocol {found.protocol}: percent, selectivity with its sign, 95 % "
    )
    rows = [(block.modality, _name(block), block.targets) for block in found.blocks]
    return _table(title + "intervals over speakers", found.targets, rows, _notes(found))


def table_of_layers(found: Probing, fusion: ProbedModels) -> "Table":
    """The same of the layers of the fusion.

    Args:
        found: what was probed.
        fusion: its part.
    """
    title = f"linear probes of the layers of {fusion.strategy}, protocol {found.protocol}: as above"
    rows = [(layer.modality or "fused", _layer(layer, fusion), layer.targets) for layer in fusion.layers]
    return _table(title, fusion.targets, rows, _notes_on_layers(fusion))


Row = tuple[str, str, Mapping[str, Probed | None]]
"""The group that it is in, its name, its figures by target."""


def _table(title: str, targets: Sequence[ProbedTarget], rows: Sequence[Row], notes: Sequence[str]) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    shown = Table(
        title=escape(title),
        caption="\n".join(escape(line) for line in notes),
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        collapse_padding=True,
    )
    shown.add_column("features (dimensions)", overflow="fold", min_width=14)
    for target in targets:
        shown.add_column(f"{target.name}\n[dim]{_scale(target)}[/dim]")
    for group, members in groupby(rows, key=lambda row: row[0]):
        shown.add_row(f"[bold]{escape(group)}[/bold]")
        for _, name, figures in members:
            shown.add_row(f"  {escape(name)}", *(_cell(figures[target.name]) for target in targets))
    return shown


def _name(block: ProbedBlock) -> str:
    layer = "" if block.layer is None else f" layer {block.layer}"
    return f"{block.encoder}{layer} ({block.dimensions:,})"


def _layer(layer: ProbedLayer, fusion: ProbedModels) -> str:
    sizes = "–".join(f"{each:,}" for each in dict.fromkeys((layer.dimensions[0], layer.dimensions[-1])))
    some = "" if layer.folds == fusion.folds else f"; {layer.folds} of {fusion.folds} folds"
    return f"{layer.name} ({sizes}{some})"


def _scale(target: ProbedTarget) -> str:
    """The metric, and what a guess has."""
    if target.metric == "r2":
        return UNITS[target.metric]
    return f"{UNITS[target.metric]}\nchance {percent(target.chance)}"


def _cell(probed: Probed | None) -> str:
    if probed is None:
        return "–"
    figure = f"{percent(probed.figure.mean)} [dim]{percent(probed.selectivity.mean, sign=True)}[/dim]"
    bounds = _bounds(probed.figure)
    return f"{figure}\n[dim]{bounds}[/dim]" if bounds else figure


def _bounds(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return ""
    return f"{percent(interval.low)}–{percent(interval.high)}"


def _notes(found: Probing) -> list[str]:
    lines = [
        "selectivity: how far the figure is above that of the control task, whose values are dealt out at random",
        *_splits(found.targets),
    ]
    if any(target.name == "emotion" for target in found.targets):
        lines.append("emotion: these are test rows; do not choose an encoder or a layer by them")
    lines += [f"{target.name}: {remark}" for target in found.targets for remark in target.remarks]
    lines += [f"{name} is left out: {why}" for name, why in found.left_out.items()]
    if any(each is None for block in found.blocks for each in block.targets.values()):
        lines.append(FEW)
    return lines


def _notes_on_layers(fusion: ProbedModels) -> list[str]:
    lines = [
        *of_embedding(fusion),
        "each fold's rows by the model that scored them, the member of its first seed",
        *_splits(fusion.targets),
    ]
    lines += [f"{name} is left out: {why}" for name, why in fusion.left_out.items()]
    if any(each is None for layer in fusion.layers for each in layer.targets.values()):
        lines.append(FEW)
    return lines


FEW = "–: too few utterances have these features for a training and a test part"


def _splits(targets: Sequence[ProbedTarget]) -> list[str]:
    return [
        f"{', '.join(names)}: tested on {split}"
        + ("" if disjoint else "; speakers are in training and test, so there is no interval")
        for (split, disjoint), names in _by_split(targets).items()
    ]


def _by_split(targets: Sequence[ProbedTarget]) -> dict[tuple[str, bool], list[str]]:
    """The targets that are split alike."""
    alike: dict[tuple[str, bool], list[str]] = {}
    for target in targets:
        alike.setdefault((target.split, target.speaker_disjoint), []).append(target.name)
    return alike
