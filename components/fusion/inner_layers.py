"""The layers that a strategy has between the encoded modalities and the embedding, by name, for whoever looks into it.

`Strategy.inner_layers` lists them. Nobody looks while a strategy is trained, so that they cost nothing there;
`evaluation.probing` reads what they give with forward hooks.
"""

from collections.abc import Iterable
from typing import NamedTuple, cast

from torch import nn


class InnerLayer(NamedTuple):
    """A layer whose output may be looked at.

    Attributes:
        name: as users know it, such as "block 1".
        module: called once in each ``forward``; gives ``[B, T, D]`` or ``[B, D]``.
        modality: whose it is; None where modalities have met.
    """

    name: str
    module: nn.Module
    modality: str | None = None


def numbered(name: str, modules: Iterable[nn.Module], modality: str | None = None) -> list[InnerLayer]:
    """Layers that follow one another, counted from 1."""
    return [InnerLayer(f"{name} {number}", each, modality) for number, each in enumerate(modules, 1)]


def numbered_apart(name: str, own: nn.ModuleDict) -> list[InnerLayer]:
    """The same of each modality's own ``nn.ModuleList``."""
    return [
        layer
        for modality, modules in own.items()
        for layer in numbered(name, cast(nn.ModuleList, modules), modality)
    ]
