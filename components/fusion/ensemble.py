"""Late fusion of several experts a modality, that differ by what they began with."""

from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from .experts import Expert
from .late import LateAverage
from .layers import complete
from .output import FusionOutput
from .posteriors import OfPosteriors, Posterior
from .strategy import Choice


class LateEnsemble(OfPosteriors):
    """The mean of the probabilities of ``experts`` experts a modality, over the modalities that are present.

    Deep ensembles (Lakshminarayanan, Pritzel & Blundell, NeurIPS 2017): each has initial weights and dropout of its
    own, and is trained by its own loss alone. An expert's errors of chance are averaged out before modalities meet.
    Posteriors stand for a modality's experts themselves.
    """

    space: ClassVar = LateAverage.space | {"experts": Choice((3, 5))}
    architecture_keys: ClassVar[tuple[str, ...]] = ("width", "layers", "experts")
    defaults: ClassVar = LateAverage.defaults

    def __init__(
        self,
        dimensions: dict[str, int],
        classes: int,
        *,
        width: int,
        layers: int,
        experts: int,
        posteriors: frozenset[str] = frozenset(),
    ):
        super().__init__(dimensions, classes, posteriors)
        self.experts = nn.ModuleDict(
            {
                name: Posterior()
                if name in posteriors
                else nn.ModuleList(Expert(size, classes, width=width, layers=layers) for _ in range(experts))
                for name, size in dimensions.items()
            }
        )

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        tokens, present = complete(tokens, present, self.dimensions)
        there = torch.stack([present[name].any(1) for name in self.modalities], dim=-1)  # [B, M]
        each, decisions, decided, own = {}, {}, {}, {}
        for m, name in enumerate(self.modalities):
            if name in self.posteriors:
                decisions[name] = self.experts[name](tokens[name], present[name])
                decided[name] = (decisions[name] / self.temperature[m]).softmax(-1)
                continue
            made = [expert(tokens[name], present[name]) for expert in cast(nn.ModuleList, self.experts[name])]
            each[name] = torch.cat([embedding for embedding, _ in made], dim=-1)  # [B, n W]
            own[f"experts/{name}"] = torch.stack([logits for _, logits in made])  # [n, B, C]
            decided[name] = own[f"experts/{name}"].softmax(-1).mean(0)
            decisions[name] = decided[name].clamp(min=1e-9).log()
        share = there / there.sum(-1, keepdim=True).clamp(min=1)
        fused = (share.unsqueeze(-1) * torch.stack(list(decided.values()), dim=1)).sum(1)
        embedding = torch.cat(list(each.values()), dim=-1) if each else torch.zeros_like(fused)
        return FusionOutput(fused.clamp(min=1e-9).log(), embedding, decisions, own, each or None)
