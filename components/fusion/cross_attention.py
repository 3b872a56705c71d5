"""Cross-attention: each modality asks the others."""

from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from .inner_layers import InnerLayer
from .layers import AbsentToken, Attention, Dropout, complete, masked_mean, position_code
from .output import FusionOutput
from .strategy import Choice, Strategy, Uniform


class CrossAttention(Strategy):
    """Each modality's tokens query those of all the others; what comes back is pooled and concatenated.

    ``Z_A ← Z_A + MHSA(Q_A, K_B, V_B)`` with B the other modalities' tokens, one after another (Xu, Zhu & Clifton,
    TPAMI 2023, row 5, the output following the query), pre-norm, then a feed-forward block. Tokens carry their
    modality's learned embedding and a sinusoidal position.
    """

    space: ClassVar = {
        "width": Choice((64,)),
        "heads": Choice((4,)),
        "layers": Choice((1,)),
        "modality_dropout": Uniform(0.0, 0.3),
        "unimodal_weight": Uniform(0.0, 0.7),
    }
    architecture_keys: ClassVar[tuple[str, ...]] = ("width", "layers", "heads")
    encoded: ClassVar[str] = "projected"

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int, heads: int):
        super().__init__(dimensions, classes)
        self.width = width
        self.project = nn.ModuleDict({name: nn.Linear(size, width) for name, size in dimensions.items()})
        self.input_dropouts = nn.ModuleDict({name: Dropout("input_dropout") for name in dimensions})
        self.kind = nn.ParameterDict({name: nn.Parameter(torch.randn(width) * 0.02) for name in dimensions})
        self.layers = nn.ModuleList(
            nn.ModuleDict({name: CrossLayer(width, heads) for name in dimensions}) for _ in range(layers)
        )
        self.absent = nn.ModuleDict({name: AbsentToken(width) for name in dimensions})
        self.heads = nn.ModuleDict({name: nn.Linear(width, classes) for name in dimensions})
        self.dropout = Dropout()
        self.classifier = nn.Linear(width * len(dimensions), classes)

    def inner_layers(self) -> list[InnerLayer]:
        return [
            InnerLayer(f"block {number}", each, name)
            for number, layer in enumerate(self.layers, 1)
            for name, each in cast(nn.ModuleDict, layer).items()
        ]

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        tokens, present = complete(tokens, present, self.dimensions)
        streams, alone, each = {}, {}, {}
        for name in self.modalities:
            x = nn.functional.gelu(self.project[name](self.input_dropouts[name](tokens[name])))  # [B, T, W]
            each[name] = masked_mean(x, present[name])
            alone[name] = self.heads[name](each[name])
            streams[name] = x + self.kind[name] + 0.1 * position_code(x.shape[1], self.width, x)
        for layer in self.layers:
            by_modality = cast(nn.ModuleDict, layer)
            streams = {
                name: by_modality[name](streams[name], *self._others(name, streams, present))
                for name in streams
            }
        pooled = [
            self.absent[name](masked_mean(streams[name], present[name]), present[name].any(1))
            for name in self.modalities
        ]
        embedding = torch.cat(pooled, dim=-1)  # [B, M W]
        fused = self.classifier(self.dropout(embedding))
        return FusionOutput(fused, embedding, alone, per_modality_embeddings=each)

    def _others(
        self, name: str, streams: dict[str, Tensor], present: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        others = [other for other in self.modalities if other != name] or [name]
        return torch.cat([streams[o] for o in others], dim=1), torch.cat([present[o] for o in others], dim=1)


class CrossLayer(nn.Module):
    """Pre-norm cross-attention and feed-forward, each added to the query's stream."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm_queries = nn.LayerNorm(width)
        self.norm_keys = nn.LayerNorm(width)
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)
        self.dropout = Dropout()
        self.dropout_inner = Dropout()

    def forward(self, x: Tensor, others: Tensor, present: Tensor) -> Tensor:
        asked = self.attention(self.norm_queries(x), self.norm_keys(others), present)
        x = x + self.dropout(asked)
        fed: Tensor = self.down(self.dropout_inner(nn.functional.gelu(self.up(self.norm(x)))))
        return x + fed
