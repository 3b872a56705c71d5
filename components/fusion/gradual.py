"""Gradual (slow) fusion: modalities join one after another, each time into what has been fused so far."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from ..errors import ParamsError
from .correlation import correlated_order
from .experts import Intermediate
from .inner_layers import InnerLayer, numbered
from .layers import Dropout, masked_mean
from .output import FusionOutput
from .strategy import Choice

CORRELATED = "correlated"


class Gradual(Intermediate):
    """``h ← f_1(e_1, e_2)``, then ``h ← f_k(h, e_{k+1})``: a layer for each modality that joins.

    Karpathy et al., *Large-scale Video Classification with Convolutional Neural Networks*, CVPR 2014, whose slow fusion
    is over time; here it is over modalities.

    Args:
        order: their names, ``audio+text+face``; or a number: the modalities by their names, turned round so that this
            one (from 0) joins last; or "correlated": as the prepared training rows correlate, most first.
    """

    space: ClassVar = Intermediate.space | {
        "order": Choice(
            (CORRELATED, 0, 1, 2),
            pattern=r"[^+\s]+(\+[^+\s]+)+",
            meaning="the modalities joined by '+' (a number: which of them, by their names from 0, joins last)",
        )
    }
    architecture_keys: ClassVar[tuple[str, ...]] = ("width", "layers", "order")

    order: Tensor

    def __init__(
        self, dimensions: dict[str, int], classes: int, *, width: int, layers: int, order: str | int
    ):
        super().__init__(dimensions, classes, width=width, layers=layers)
        self.measured = order == CORRELATED
        self.register_buffer("order", torch.tensor(_places(order, self.modalities)))
        self.join = nn.ModuleList(nn.Linear(2 * width, width) for _ in self.modalities[1:])
        self.dropouts = nn.ModuleList(Dropout() for _ in self.modalities[1:])
        self.classifier = nn.Linear(width, classes)

    def fit_on_training(
        self, tokens: dict[str, Tensor], present: dict[str, Tensor], target: Tensor
    ) -> dict[str, Tensor]:
        if not self.measured:
            return {}
        pooled = {name: masked_mean(tokens[name], present[name]) for name in self.modalities}
        there = {name: present[name].any(1) for name in self.modalities}
        return {"order": torch.tensor(correlated_order(pooled, there))}

    def inner_layers(self) -> list[InnerLayer]:
        return numbered("join", self.dropouts[:-1])  # the last one gives the embedding

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        each, alone = self.encode(tokens, present)
        first, *others = torch.stack(list(each.values()), dim=1)[:, self.order].unbind(1)
        embedding = first
        for join, dropout, x in zip(self.join, self.dropouts, others, strict=True):
            embedding = dropout(nn.functional.gelu(join(torch.cat((embedding, x), dim=-1))))
        return FusionOutput(self.classifier(embedding), embedding, alone, per_modality_embeddings=each)


def _places(order: str | int, modalities: tuple[str, ...]) -> list[int]:
    """Where each of the modalities that join stands among them; by their names where that is yet to be measured."""
    count = len(modalities)
    if order == CORRELATED:
        return list(range(count))
    if isinstance(order, str):
        named = order.split("+")
        lacking = [name for name in modalities if name not in named]
        if lacking or len(set(named)) < len(named):
            raise ParamsError(
                f"gradual: order is {order!r}; name each modality once, joined by '+', say {'+'.join(modalities)}, "
                f"or say {CORRELATED}"
            )
        return [modalities.index(name) for name in named if name in modalities]
    start = (order + 1) % count
    return [*range(start, count), *range(start)]
