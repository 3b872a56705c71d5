"""What can still be read from the fusion's embedding, in sentences."""

from .findings import EMBEDDING, INPUT, Probed, ProbedModels, ProbedTarget

UNITS = {"ua": "UA", "r2": "R²"}


def of_embedding(fusion: ProbedModels) -> list[str]:
    """A sentence for each target: its figure in the embedding, and the highest that a modality's input has.

    Whether a target can be read is said where the selectivity has an interval: it can where this is above 0.
    """
    lines = []
    for target in fusion.targets:
        embedded = next(
            (layer.targets[target.name] for layer in fusion.layers if layer.name == EMBEDDING), None
        )
        if embedded is None:
            continue
        inputs = [
            (probed.figure.mean, layer.modality)
            for layer in fusion.layers
            if layer.name == INPUT and (probed := layer.targets[target.name]) is not None
        ]
        before = f"; {percent(max(inputs)[0])} from the input of {max(inputs)[1]}" if inputs else ""
        lines.append(f"{_said(target, embedded)}{before}")
    return lines


def _said(target: ProbedTarget, probed: Probed) -> str:
    figure = f"{UNITS[target.metric]} {percent(probed.figure.mean)}"
    chance = f"where chance is {percent(target.chance)}"
    low = probed.selectivity.low
    if low is None:
        return (
            f"{target.name}: {figure} from the embedding {chance} (control task "
            f"{percent(probed.control.mean)}; no interval)"
        )
    can = "can be read from the embedding" if low > 0 else "is not shown to be in the embedding"
    return f"{target.name} {can}: {figure} {chance}"


def percent(share: float, *, sign: bool = False) -> str:
    """A share in percent, to one decimal."""
    return (f"{100 * share:+.1f}" if sign else f"{100 * share:.1f}").replace("-", "−")
