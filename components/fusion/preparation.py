"""Features to inputs of a model: scaling, inverse document frequency, reduction.

Fitted on training rows only, on tokens that are present; then frozen, and the same at inference. Nothing of a test
speaker is looked at, so a model may be used on a person who has one clip.

A token that an encoder did not make is NaN in this encoder's features: encoders are joined as streams, each with tokens
of its own. Such features are not fitted on, and become the mean of the row's tokens that the encoder made, or 0 where
there are none. So a token tells what its own encoder found at its time and what the others found in the clip, and the
mean of all tokens is the streams' means side by side.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..schema import POSTERIORS
from .layer_weights import Blocks
from .layers import masked_mean
from .reduction import Reduction, autoencoder, principal_axes

COUNT_ENCODERS = frozenset({"hashing"})
"""Encoders whose features are counts of terms: log tf-idf of unit length, of the terms seen, instead of scaling."""

FAINTEST = 1e-6
"""Smaller posteriors are raised to this before their logarithm is taken: they are often written with few digits."""
CLIP = 5.0
DEFAULT = Reduction()
FIT_TOKENS = 20_000
"""A fit looks at a random sample of this many tokens at the most; at all of them where it counts."""
SAMPLE_SEED = 0

Layout = list[tuple[str, int]]
"""A modality's encoders and the number of features of each, in their order along D. An encoder whose layers are apart
has an entry for each of them."""


@dataclass(frozen=True)
class BlockPlan:
    """How one encoder's features are prepared; with it an empty block can be made that takes saved weights.

    Attributes:
        dimensions: of all its layers.
        kind: "counts", "scaled", or "posteriors", of which logarithms are taken.
        components: that the features are reduced to, of each layer; of counts, the terms that a fit saw; 0 where all
            remain.
        reduction: how, of `reduction.KINDS`.
        layers: how many lie side by side, each to be weighted.
    """

    encoder: str
    dimensions: int
    kind: str
    components: int
    reduction: str = "pca"
    layers: int = 1

    @property
    def width(self) -> int:
        """Features of a layer."""
        return self.dimensions // self.layers

    @property
    def layer_outputs(self) -> int:
        """What the features of a layer become."""
        return self.components or self.width

    @property
    def outputs(self) -> int:
        return self.layers * self.layer_outputs


class Block(nn.Module):
    """One encoder's features: standardised (or tf-idf), clipped, and reduced where they are many.

    Layers are standardised each for itself, and reduced alike: one set of axes, fitted on the tokens of all of them, so
    that a component is the same direction in each, and the weighted sum of principal components those of the sum.

    A column that is constant in training becomes 0, and a term that training never saw is left out: nothing was
    learned of either.
    """

    mean: Tensor
    scale: Tensor
    columns: Tensor
    centre: Tensor
    axes: Tensor
    bias: Tensor
    deviation: Tensor

    def __init__(self, plan: BlockPlan):
        super().__init__()
        self.plan = plan
        size = plan.outputs if plan.kind == "counts" else plan.dimensions
        self.register_buffer("mean", torch.zeros(size))  # of counts it stays 0, and saved models hold it
        self.register_buffer("scale", torch.ones(size))
        if plan.kind == "counts" and plan.components:
            self.register_buffer("columns", torch.arange(plan.components))
        elif plan.components:
            self.register_buffer("centre", torch.zeros(plan.width))
            self.register_buffer("axes", torch.zeros(plan.width, plan.components))
        if plan.reduction == "autoencoder":
            self.register_buffer("bias", torch.zeros(plan.components))
            self.register_buffer("deviation", torch.ones(plan.components))

    def fit(self, x: Tensor) -> None:
        """Fit on the training tokens ``[N, D]``; nothing of posteriors, which are the same to all."""
        if self.plan.kind == "posteriors":
            return
        if self.plan.kind == "counts":
            self._fit_counts(x)
            return
        each = [_moments(layer) for layer in x.split(self.plan.width, dim=-1)]
        mean, deviation = (torch.cat(moment) for moment in zip(*each, strict=True))
        constant = deviation <= 1e-7 * mean.abs().clamp(min=1.0)
        self.mean = mean.float()
        self.scale = torch.where(constant, 0.0, 1.0 / deviation.clamp(min=1e-30)).float()
        if self.plan.reduction == "autoencoder":
            fitted = autoencoder(self._layers(x), self.plan.components)
            self.centre, self.axes, self.bias, self.deviation = fitted
        elif self.plan.components:
            self.centre, self.axes = principal_axes(self._layers(x), self.plan.components)

    def learn_nothing(self) -> None:
        """Fit on no token: whatever comes becomes 0, but for posteriors, of which nothing is learned anyway."""
        if self.plan.kind == "counts":
            self._fit_counts(self.scale.new_zeros(0, self.plan.dimensions))
        self.scale.zero_()

    def _layers(self, x: Tensor) -> Tensor:
        """Scaled tokens of all layers one below the other, at most `FIT_TOKENS`: ``[N, L · D] → [N', D]``."""
        if self.plan.layers > 1:
            x = x[_sample(len(x), FIT_TOKENS // self.plan.layers).to(x.device)]
        return self._apart(self._scaled(x)).flatten(0, 1)

    def _apart(self, x: Tensor) -> Tensor:
        """``[..., L · D] → [..., L, D]``."""
        layers: Tensor = x.unflatten(-1, (self.plan.layers, self.plan.width))
        return layers

    def _fit_counts(self, x: Tensor) -> None:
        seen = (x > 0).sum(0)
        columns = (
            seen.nonzero().squeeze(-1) if seen.any() else torch.zeros(1, dtype=torch.int64, device=x.device)
        )
        self.register_buffer("columns", columns)
        idf = torch.log((1 + len(x)) / (1 + seen[columns].float())) + 1  # smooth, as in Manning et al. 2008
        self.mean, self.scale = torch.zeros_like(idf), idf
        self.plan = replace(self.plan, components=len(columns))

    def forward(self, x: Tensor) -> Tensor:
        """``[..., L · D] → [..., outputs]``."""
        z = self._scaled(x)
        if self.plan.kind != "scaled" or not self.plan.components:
            return z
        z = (self._apart(z) - self.centre) @ self.axes
        if self.plan.reduction == "autoencoder":
            z = torch.tanh(z + self.bias) / self.deviation
        return z.flatten(-2)

    def neutral(self) -> Tensor:
        """What a token becomes that tells nothing ``[outputs]``: the mean of training, no word, or even posteriors."""
        if self.plan.kind == "counts":
            return torch.zeros_like(self.scale)
        even = torch.full_like(self.mean, 1 / self.plan.dimensions)
        neutral: Tensor = self(even if self.plan.kind == "posteriors" else self.mean)
        return neutral

    def _scaled(self, x: Tensor) -> Tensor:
        if self.plan.kind == "posteriors":
            return x.clamp(min=FAINTEST).log().log_softmax(-1)
        if self.plan.kind == "counts":
            x = x[..., self.columns] if self.plan.components else x
            z = torch.log1p(x.clamp(min=0.0)) * self.scale
            length: Tensor = z.norm(dim=-1, keepdim=True)
            return z / length.clamp(min=1e-12) * 4.0
        return ((x - self.mean) * self.scale).clamp(-CLIP, CLIP)


class Preparation(nn.Module):
    """The preparation of every modality.

    Args:
        plans: ``{modality: [a plan per encoder]}``; `plan` makes them from the feature store's layouts.
    """

    def __init__(self, plans: dict[str, list[BlockPlan]]):
        super().__init__()
        self.blocks = nn.ModuleDict(
            {name: nn.ModuleList(Block(each) for each in blocks) for name, blocks in plans.items()}
        )

    @classmethod
    def sized(cls, plans: dict[str, list[BlockPlan]], state: dict[str, Tensor]) -> "Preparation":
        """An empty one of the sizes that a fit came to, whose ``state_dict`` this is."""
        return cls(
            {
                name: [
                    replace(plan, components=len(state[f"blocks.{name}.{i}.columns"]))
                    if plan.kind == "counts"
                    else plan
                    for i, plan in enumerate(blocks)
                ]
                for name, blocks in plans.items()
            }
        )

    @property
    def plans(self) -> dict[str, list[BlockPlan]]:
        return {name: [block.plan for block in self._of(name)] for name in self.blocks}

    def _of(self, name: str) -> list[Block]:
        """A modality's blocks, one per encoder."""
        return [cast(Block, block) for block in cast(nn.ModuleList, self.blocks[name])]

    @property
    def dimensions(self) -> dict[str, int]:
        """Size of each modality's prepared tokens; that of counts is known once they are fitted."""
        return {name: sum(plan.outputs for plan in blocks) for name, blocks in self.plans.items()}

    @property
    def layers(self) -> dict[str, Blocks]:
        """What lies side by side in the prepared tokens of the modalities that have an encoder of several layers."""
        return {
            name: tuple((plan.layer_outputs, plan.layers) for plan in blocks)
            for name, blocks in self.plans.items()
            if any(plan.layers > 1 for plan in blocks)
        }

    @property
    def posteriors(self) -> frozenset[str]:
        """The modalities whose prepared tokens are logarithms of the class probabilities that others gave."""
        return frozenset(
            name for name, blocks in self.plans.items() if any(plan.kind == "posteriors" for plan in blocks)
        )

    def fit(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> "Preparation":
        """Fit on training rows: ``tokens[m] [N, T, D]``, ``present[m]`` bool ``[N, T]``; absent tokens are ignored."""
        for name in self.blocks:
            rows = present[name].flatten().nonzero().squeeze(-1)
            if not len(rows):
                continue
            there = tokens[name].flatten(0, 1)[rows]
            for block, part in zip(self._of(name), self._split(name, there), strict=True):
                own = _made(part).nonzero().squeeze(-1)
                if not len(own):
                    block.learn_nothing()
                    continue
                if block.plan.kind != "counts":
                    own = own[_sample(len(own), FIT_TOKENS).to(own.device)]
                block.fit(part[own])
        return self

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        """Prepared tokens of the modalities given; zeros at absent positions."""
        prepared = {}
        for name, x in tokens.items():
            mask = present[name].unsqueeze(-1)
            x = torch.where(mask, x, 0.0)
            parts = [
                _prepared(block, part, present[name])
                for block, part in zip(self._of(name), self._split(name, x), strict=True)
            ]
            prepared[name] = torch.where(mask, torch.cat(parts, dim=-1), 0.0)
        return prepared

    def neutral(self) -> dict[str, Tensor]:
        """For each modality the prepared token ``[D]`` that tells nothing, see `Block.neutral`."""
        return {name: torch.cat([block.neutral() for block in self._of(name)]) for name in self.blocks}

    def describe(self) -> dict[str, list[dict[str, Any]]]:
        """The plans as JSON; `from_description` takes it."""
        return {name: [asdict(plan) for plan in blocks] for name, blocks in self.plans.items()}

    @classmethod
    def from_description(cls, described: dict[str, list[dict[str, Any]]]) -> "Preparation":
        return cls({name: [BlockPlan(**plan) for plan in blocks] for name, blocks in described.items()})

    def _split(self, name: str, x: Tensor) -> tuple[Tensor, ...]:
        sizes = [plan.dimensions for plan in self.plans[name]]
        assert x.shape[-1] == sum(sizes), (
            f"{name}: {x.shape[-1]} features, the layout has {sum(sizes)} ({sizes})"
        )
        parts: tuple[Tensor, ...] = x.split(sizes, dim=-1)
        return parts


def _made(part: Tensor) -> Tensor:
    """Which tokens an encoder made, of its features: ``[..., D] → bool [...]``."""
    return ~part[..., 0].isnan()


def _prepared(block: Block, part: Tensor, present: Tensor) -> Tensor:
    """One encoder's features ``[B, T, D]``, its mean in the tokens of other encoders."""
    made = _made(part)
    if made.all():
        prepared: Tensor = block(part)
        return prepared
    z = block(torch.where(made.unsqueeze(-1), part, 0.0))
    mean = masked_mean(z, made & present).unsqueeze(1)
    return torch.where(made.unsqueeze(-1), z, mean)


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each column, in double precision."""
    x = x.double()
    return x.mean(0), x.std(0, correction=0)


def _sample(count: int, most: int) -> Tensor:
    """At most ``most`` of ``count`` indices, sorted; at random, since a stride may see one frame of each clip."""
    if count <= most:
        return torch.arange(count)
    generator = torch.Generator().manual_seed(SAMPLE_SEED)
    return torch.randperm(count, generator=generator)[:most].sort().values


def plan(layouts: dict[str, Layout], reduction: Reduction = DEFAULT) -> dict[str, list[BlockPlan]]:
    """How features of these layouts are prepared."""
    return {
        name: [
            _block(encoder, [size for _, size in of_it], reduction) for encoder, of_it in _encoders(layout)
        ]
        for name, layout in layouts.items()
    }


def _encoders(layout: Layout) -> Iterator[tuple[str, Iterator[tuple[str, int]]]]:
    """Each encoder and its entries."""
    return groupby(layout, key=lambda entry: entry[0])


def _block(encoder: str, sizes: Sequence[int], reduction: Reduction) -> BlockPlan:
    """Counts keep the columns seen: a telling word is rare, and the large components are of the words that are not."""
    if encoder in COUNT_ENCODERS:
        return BlockPlan(encoder, sum(sizes), "counts", 0, "none")
    if encoder == POSTERIORS:
        return BlockPlan(encoder, sum(sizes), "posteriors", 0, "none")
    if sizes[0] <= reduction.above or reduction.reduction == "none":
        return BlockPlan(encoder, sum(sizes), "scaled", 0, "none", len(sizes))
    return BlockPlan(encoder, sum(sizes), "scaled", reduction.components, reduction.reduction, len(sizes))
