"""What the report shows of contributions."""

from typing import Any

import numpy as np

from ...artifacts.reports import Metrics
from ..ceilings import subset_name
from .shapley import interactions, shapley_values


def shown(metrics: Metrics) -> dict[str, Any] | None:
    """The registered strategy's subsets of modalities, the largest first, and the columns of the table of all
    strategies; None where none fuses modalities."""
    held = metrics.contributions
    if not held:
        return None
    best, strategies = held.get(metrics.best), metrics.strategies
    several = next(iter(held.values()))
    return {
        "modalities": list(several.shapley),
        "pairs": list(several.interactions),
        "subsets": [
            (name, ua, strategies[name].ua if name in strategies else None)
            for name, ua in sorted(
                best.subsets.items(), key=lambda item: (-item[0].count("+"), -item[1].mean)
            )
        ]
        if best
        else [],
        "guessed": best.guessed if best else {},
        "oracle": _oracle(metrics, sorted(several.shapley)),
    }


def _oracle(metrics: Metrics, modalities: list[str]) -> dict[str, float] | None:
    """Shapley values and interactions of the oracle's accuracy, by modality and pair; None where it does not answer
    every subset."""
    names = [
        subset_name([each for m, each in enumerate(modalities) if k >> m & 1])
        for k in range(1, 1 << len(modalities))
    ]
    known = metrics.ceiling.oracle if metrics.ceiling else {}
    if not known.keys() >= set(names):
        return None
    values = np.array([1 / len(metrics.classes), *(known[name] for name in names)])
    pairs = {
        subset_name([modalities[i], modalities[j]]): float(value)
        for (i, j), value in interactions(values).items()
    }
    return dict(zip(modalities, shapley_values(values).tolist(), strict=True)) | pairs
