"""Transformer fusion: where the modalities' tokens meet, in the terms of Xu, Zhu & Clifton, TPAMI 2023, table 1.

Every strategy here has the same stem (`Stem`) and the same layer (`layers.SelfLayer`, pre-norm), so that they differ
in nothing but where tokens meet. ``Tf`` stands for ``layers`` such layers, ``C`` for concatenation along time.
"""

from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from .inner_layers import InnerLayer, numbered, numbered_apart
from .layers import Attention, Dropout, FeedForward, SelfLayer, complete, masked_mean, position_code, resample
from .output import FusionOutput
from .strategy import Choice, Strategy, Uniform

Streams = dict[str, Tensor]


class Stem(nn.Module):
    """Prepared tokens → tokens of one width, each with its modality's embedding and its position.

    A row that lacks a modality has one token of it that is learned: what is absent is told, and no query is ever
    without a key.
    """

    def __init__(self, dimensions: dict[str, int], width: int, classes: int):
        super().__init__()
        self.dimensions, self.width = dimensions, width
        self.project = nn.ModuleDict({name: nn.Linear(size, width) for name, size in dimensions.items()})
        self.dropouts = nn.ModuleDict({name: Dropout("input_dropout") for name in dimensions})
        self.kind = nn.ParameterDict({name: nn.Parameter(torch.randn(width) * 0.02) for name in dimensions})
        self.absent = nn.ParameterDict({name: nn.Parameter(torch.zeros(width)) for name in dimensions})
        self.alone = nn.ModuleDict({name: nn.Linear(width, classes) for name in dimensions})

    def forward(self, tokens: Streams, present: Streams) -> tuple[Streams, Streams, Streams, Streams]:
        """→ tokens ``[B, T, W]``, their masks ``[B, T]``; each modality's mean token ``[B, W]``, logits ``[B, C]``."""
        tokens, present = complete(tokens, present, self.dimensions)
        streams, masks, each, alone = {}, {}, {}, {}
        for name in self.dimensions:
            x = nn.functional.gelu(self.project[name](self.dropouts[name](tokens[name])))
            each[name] = masked_mean(x, present[name])
            alone[name] = self.alone[name](each[name])
            x = x + 0.1 * position_code(x.shape[1], self.width, x)
            lacking = ~present[name].any(1)
            first = torch.arange(x.shape[1], device=x.device) == 0
            x = torch.where(lacking[:, None, None], self.absent[name], x) + self.kind[name]
            streams[name], masks[name] = x, present[name] | (lacking[:, None] & first)
        return streams, masks, each, alone


class Transformer(Strategy):
    """What the transformer strategies share: the stem, and a classifier over what was pooled."""

    space: ClassVar = {
        "width": Choice((64,)),
        "heads": Choice((4,)),
        "layers": Choice((1, 2)),
        "modality_dropout": Uniform(0.0, 0.3),
        "unimodal_weight": Uniform(0.0, 0.7),
    }
    architecture_keys: ClassVar[tuple[str, ...]] = ("width", "layers", "heads")
    encoded: ClassVar[str] = "projected"
    layers: nn.ModuleList

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int, heads: int):
        super().__init__(dimensions, classes)
        self.stem = Stem(dimensions, width, classes)
        self.dropout = Dropout()
        self.classifier = nn.Linear(width * self.pooled, classes)
        self._build(width, layers, heads)

    @property
    def pooled(self) -> int:
        """How many pooled vectors the classifier sees."""
        return 1

    def _build(self, width: int, layers: int, heads: int) -> None:
        raise NotImplementedError

    def _fuse(self, streams: Streams, masks: Streams) -> Tensor:
        """``[B, pooled · W]``."""
        raise NotImplementedError

    def inner_layers(self) -> list[InnerLayer]:
        return numbered("block", self.layers)

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        streams, masks, each, alone = self.stem(tokens, present)
        embedding = self._fuse(streams, masks)
        fused = self.classifier(self.dropout(embedding))
        return FusionOutput(fused, embedding, alone, per_modality_embeddings=each)


class EarlySummation(Transformer):
    """Row 1: ``Z ← Tf(Σ α_m Z_m)``, the streams resampled to as many tokens each; α is learned, and starts even."""

    SLOTS: ClassVar = 8

    def _build(self, width: int, layers: int, heads: int) -> None:
        self.share = nn.Parameter(torch.ones(len(self.dimensions)) / len(self.dimensions))
        self.layers = stack(width, layers, heads)

    def _fuse(self, streams: Streams, masks: Streams) -> Tensor:
        each = [resample(streams[name], masks[name], self.SLOTS) for name in self.modalities]
        x = (torch.stack(each, dim=-1) * self.share).sum(-1)  # [B, slots, W]
        mask = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
        return masked_mean(through(self.layers, x, mask), mask)


class SingleStream(Transformer):
    """Row 2, early concatenation: ``Z ← Tf(C(Z_A, Z_B, …))``; every token sees every other from the first layer."""

    def _build(self, width: int, layers: int, heads: int) -> None:
        self.layers = stack(width, layers, heads)

    def _fuse(self, streams: Streams, masks: Streams) -> Tensor:
        x, mask = joined(streams, masks)
        return masked_mean(through(self.layers, x, mask), mask)


class ManyToOne(Transformer):
    """Row 3, hierarchical: ``Z ← Tf(C(Tf_A(Z_A), Tf_B(Z_B), …))``; one layer each, then the common ones."""

    def _build(self, width: int, layers: int, heads: int) -> None:
        self.own = nn.ModuleDict({name: stack(width, 1, heads) for name in self.dimensions})
        self.layers = stack(width, layers, heads)

    def inner_layers(self) -> list[InnerLayer]:
        return numbered_apart("block", self.own) + super().inner_layers()

    def _fuse(self, streams: Streams, masks: Streams) -> Tensor:
        streams = apart(self.own, streams, masks)
        x, mask = joined(streams, masks)
        return masked_mean(through(self.layers, x, mask), mask)


class OneToMany(Transformer):
    """Row 4, hierarchical: ``C(Z_A, Z_B, …) ← Tf(C(Z_A, Z_B, …))``, then ``Z_m ← Tf_m(Z_m)``, pooled apart."""

    @property
    def pooled(self) -> int:
        return len(self.dimensions)

    def _build(self, width: int, layers: int, heads: int) -> None:
        self.layers = stack(width, layers, heads)
        self.own = nn.ModuleDict({name: stack(width, 1, heads) for name in self.dimensions})

    def inner_layers(self) -> list[InnerLayer]:
        return super().inner_layers() + numbered_apart("block", self.own)

    def _fuse(self, streams: Streams, masks: Streams) -> Tensor:
        x, mask = joined(streams, masks)
        parts = through(self.layers, x, mask).split([s.shape[1] for s in streams.values()], dim=1)
        streams = dict(zip(streams, parts, strict=True))
        return pooled(
            apart(self.own, streams, masks),
            masks,
        )


class CrossConcatenation(Transformer):
    """Row 6: ``Z_m ← Z_m + MHSA(Q_m, K_others, V_others)`` for each modality, then ``Z ← Tf(C(Z_A, Z_B, …))``.

    As MulT (Tsai et al. 2019), with the other modalities' tokens as one sequence of keys.
    """

    def _build(self, width: int, layers: int, heads: int) -> None:
        self.cross = nn.ModuleDict({name: Cross(width, heads) for name in self.dimensions})
        self.layers = stack(width, layers, heads)

    def inner_layers(self) -> list[InnerLayer]:
        cross = [InnerLayer("cross-attention", each, name) for name, each in self.cross.items()]
        return cross + super().inner_layers()

    def _fuse(self, streams: Streams, masks: Streams) -> Tensor:
        asked = {
            name: self.cross[name](x, *self._others(name, streams, masks)) for name, x in streams.items()
        }
        x, mask = joined(asked, masks)
        return masked_mean(through(self.layers, x, mask), mask)

    def _others(self, name: str, streams: Streams, masks: Streams) -> tuple[Tensor, Tensor]:
        others = [other for other in streams if other != name] or [name]
        return joined({o: streams[o] for o in others}, {o: masks[o] for o in others})


class Bottleneck(Transformer):
    """Attention bottlenecks: modalities exchange nothing but a few tokens (Nagrani et al., MBT, NeurIPS 2021).

    In each layer ``[Z_m, B_m] ← Tf_m([Z_m, B])`` for each modality, then ``B ← mean over m of B_m``.
    """

    TOKENS: ClassVar = 4

    @property
    def pooled(self) -> int:
        return len(self.dimensions)

    def _build(self, width: int, layers: int, heads: int) -> None:
        self.bottleneck = nn.Parameter(torch.randn(self.TOKENS, width) * 0.02)
        self.layers = nn.ModuleList(
            nn.ModuleDict({name: SelfLayer(width, heads) for name in self.dimensions})
            for _ in range(layers + 1)  # what the last layer writes into the bottleneck nobody reads
        )

    def inner_layers(self) -> list[InnerLayer]:
        return [
            InnerLayer(f"block {number} with the bottleneck", each, name)
            for number, layer in enumerate(self.layers, 1)
            for name, each in cast(nn.ModuleDict, layer).items()
        ]

    def _fuse(self, streams: Streams, masks: Streams) -> Tensor:
        rows = next(iter(masks.values())).shape[0]
        shared = self.bottleneck.expand(rows, -1, -1)
        open_ = torch.ones(rows, self.TOKENS, dtype=torch.bool, device=shared.device)
        for layer in self.layers:
            by_modality, made, written = cast(nn.ModuleDict, layer), {}, []
            for name, x in streams.items():
                mask = torch.cat((masks[name], open_), dim=1)
                x = by_modality[name](torch.cat((x, shared), dim=1), mask)
                made[name] = x[:, : -self.TOKENS]
                written.append(x[:, -self.TOKENS :])
            streams, shared = made, torch.stack(written).mean(0)
        return pooled(streams, masks)


class HybridStream(Transformer):
    """A stream of its own for each modality and one for all of them, side by side: ``Tf_m(Z_m)`` and ``Tf(C(Z_A, …))``.

    The pooled vectors of all streams meet in the classifier, so that neither what is in one modality nor what lies
    between them has to pass through the other (hybrid-stream: Xu, Zhu & Clifton, section 4).
    """

    @property
    def pooled(self) -> int:
        return len(self.dimensions) + 1

    def _build(self, width: int, layers: int, heads: int) -> None:
        self.own = nn.ModuleDict({name: stack(width, layers, heads) for name in self.dimensions})
        self.layers = stack(width, layers, heads)

    def inner_layers(self) -> list[InnerLayer]:
        return numbered_apart("block", self.own) + super().inner_layers()

    def _fuse(self, streams: Streams, masks: Streams) -> Tensor:
        x, mask = joined(streams, masks)
        common = masked_mean(through(self.layers, x, mask), mask)
        own = pooled(
            apart(self.own, streams, masks),
            masks,
        )
        return torch.cat((common, own), dim=-1)


class Cross(nn.Module):
    """Pre-norm cross-attention and feed-forward, each added to the query's stream."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm_queries = nn.LayerNorm(width)
        self.norm_keys = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.dropout = Dropout()
        self.feed_forward = FeedForward(width)

    def forward(self, x: Tensor, others: Tensor, present: Tensor) -> Tensor:
        asked = self.attention(self.norm_queries(x), self.norm_keys(others), present)
        fed: Tensor = self.feed_forward(x + self.dropout(asked))
        return fed


def stack(width: int, layers: int, heads: int) -> nn.ModuleList:
    return nn.ModuleList(SelfLayer(width, heads) for _ in range(layers))


def through(layers: nn.ModuleList, x: Tensor, mask: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x, mask)
    return x


def apart(own: nn.ModuleDict, streams: Streams, masks: Streams) -> Streams:
    """Each modality's stream through its own layers."""
    return {name: through(cast(nn.ModuleList, own[name]), x, masks[name]) for name, x in streams.items()}


def joined(streams: Streams, masks: Streams) -> tuple[Tensor, Tensor]:
    """One after another along time."""
    return torch.cat(list(streams.values()), dim=1), torch.cat([masks[name] for name in streams], dim=1)


def pooled(streams: Streams, masks: Streams) -> Tensor:
    """The mean of each stream's tokens, side by side: ``[B, M · W]``."""
    return torch.cat([masked_mean(x, masks[name]) for name, x in streams.items()], dim=-1)
