"""Features to inputs of a model: scaling, inverse document frequency, principal components.

Fitted on training rows only, on tokens that are present; then frozen, and the same at inference. Nothing of a test
speaker is looked at, so a model may be used on a person who has one clip.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

COUNT_ENCODERS = frozenset({"hashing"})
"""Encoders whose features are counts of terms: log tf-idf of unit length instead of scaling."""

REDUCE_ABOVE = 512
COMPONENTS = 128
CLIP = 5.0
WHITENING = 0.5
FIT_TOKENS = 20_000
"""A fit looks at this many tokens at the most, evenly spread over the rows."""

Layout = list[tuple[str, int]]
"""A modality's encoders and the number of features of each, in their order along D."""


@dataclass(frozen=True)
class BlockPlan:
    """How one encoder's features are prepared; with it an empty block can be made that takes saved weights.

    Attributes:
        kind: "counts" or "scaled".
        components: principal components kept; 0 where there is no reduction.
    """

    encoder: str
    dimensions: int
    kind: str
    components: int

    @property
    def outputs(self) -> int:
        return self.components or self.dimensions


class Block(nn.Module):
    """One encoder's features: standardised (or tf-idf), clipped, and reduced where they are many.

    A column that is constant in training becomes 0. Principal components are scaled by the power
    ``-WHITENING / 2`` of their variance: between plain PCA (0) and whitening (1).
    """

    def __init__(self, plan: BlockPlan):
        super().__init__()
        self.plan = plan
        self.register_buffer("mean", torch.zeros(plan.dimensions))
        self.register_buffer("scale", torch.ones(plan.dimensions))
        if plan.components:
            self.register_buffer("centre", torch.zeros(plan.dimensions))
            self.register_buffer("axes", torch.zeros(plan.dimensions, plan.components))

    def fit(self, x: Tensor) -> None:
        """Fit on the training tokens ``[N, D]``."""
        if self.plan.kind == "counts":
            seen = (x > 0).sum(0).to(torch.float32)
            self.scale = torch.log((1 + len(x)) / (1 + seen)) + 1  # smooth idf, as in Manning et al. 2008
        else:
            mean, deviation = x.double().mean(0), x.double().std(0, correction=0)
            constant = deviation <= 1e-7 * mean.abs().clamp(min=1.0)
            self.mean = mean.float()
            self.scale = torch.where(constant, 0.0, 1.0 / deviation.clamp(min=1e-30)).float()
        if self.plan.components:
            self._fit_axes(self._scaled(x))

    def _fit_axes(self, z: Tensor) -> None:
        self.centre = z.mean(0)
        z = (z - self.centre).double()
        count, features = z.shape
        if count <= features:  # the smaller of the two Gram matrices
            values, vectors = torch.linalg.eigh(z @ z.T)
            axes = z.T @ vectors
        else:
            values, axes = torch.linalg.eigh(z.T @ z)
        order = torch.arange(len(values) - 1, -1, -1)[: self.plan.components]  # largest first
        values, axes = values[order].clamp(min=0.0), axes[:, order]
        axes = axes / axes.norm(dim=0).clamp(min=1e-12)
        axes = axes * torch.where(
            axes.gather(0, axes.abs().argmax(0)[None]) < 0, -1.0, 1.0
        )  # one sign, everywhere
        real = values > 1e-9 * values.sum()
        variance = values / count
        power = torch.where(real, variance.clamp(min=1e-30) ** (-WHITENING / 2), 0.0)
        level = ((variance * power**2).sum() / real.sum().clamp(min=1)).sqrt().clamp(min=1e-12)
        axes = axes * power / level  # mean variance of the components: 1
        missing = self.plan.components - axes.shape[1]
        self.axes = nn.functional.pad(axes, (0, missing)).float().contiguous()

    def forward(self, x: Tensor) -> Tensor:
        """``[..., D] → [..., outputs]``."""
        z = self._scaled(x)
        return (z - self.centre) @ self.axes if self.plan.components else z

    def _scaled(self, x: Tensor) -> Tensor:
        if self.plan.kind == "counts":
            z = torch.log1p(x.clamp(min=0.0)) * self.scale
            return z / z.norm(dim=-1, keepdim=True).clamp(min=1e-12) * 4.0
        return ((x - self.mean) * self.scale).clamp(-CLIP, CLIP)


class Preparation(nn.Module):
    """The preparation of every modality.

    Args:
        plans: ``{modality: [a plan per encoder]}``; `plan` makes them from the feature store's layouts.
    """

    def __init__(self, plans: dict[str, list[BlockPlan]]):
        super().__init__()
        self.plans = plans
        self.blocks = nn.ModuleDict(
            {name: nn.ModuleList(Block(each) for each in blocks) for name, blocks in plans.items()}
        )

    @property
    def dimensions(self) -> dict[str, int]:
        """Size of each modality's prepared tokens."""
        return {name: sum(plan.outputs for plan in blocks) for name, blocks in self.plans.items()}

    def fit(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> "Preparation":
        """Fit on training rows: ``tokens[m] [N, T, D]``, ``present[m]`` bool ``[N, T]``; absent tokens are ignored."""
        for name, blocks in self.blocks.items():
            rows = present[name].flatten().nonzero().squeeze(-1)
            rows = rows[:: max(1, -(-len(rows) // FIT_TOKENS))]
            if not len(rows):
                continue
            there = tokens[name].flatten(0, 1)[rows]
            for block, part in zip(blocks, self._split(name, there), strict=True):
                block.fit(part)
        return self

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        """Prepared tokens of the modalities given; zeros at absent positions."""
        prepared = {}
        for name, x in tokens.items():
            mask = present[name].unsqueeze(-1)
            x = torch.where(mask, x, 0.0)
            parts = [block(part) for block, part in zip(self.blocks[name], self._split(name, x), strict=True)]
            prepared[name] = torch.where(mask, torch.cat(parts, dim=-1), 0.0)
        return prepared

    def describe(self) -> dict[str, list[dict]]:
        """The plans as JSON; `from_description` takes it."""
        return {name: [asdict(plan) for plan in blocks] for name, blocks in self.plans.items()}

    @classmethod
    def from_description(cls, described: dict[str, list[dict]]) -> "Preparation":
        return cls({name: [BlockPlan(**plan) for plan in blocks] for name, blocks in described.items()})

    def _split(self, name: str, x: Tensor) -> tuple[Tensor, ...]:
        sizes = [plan.dimensions for plan in self.plans[name]]
        assert x.shape[-1] == sum(sizes), (
            f"{name}: {x.shape[-1]} features, the layout has {sum(sizes)} ({sizes})"
        )
        return x.split(sizes, dim=-1)


def plan(layouts: dict[str, Layout]) -> dict[str, list[BlockPlan]]:
    """How features of these layouts are prepared."""
    return {name: [_block(encoder, size) for encoder, size in layout] for name, layout in layouts.items()}


def _block(encoder: str, size: int) -> BlockPlan:
    """Counts keep their columns: a telling word is rare, and the large components are of the words that are not."""
    if encoder in COUNT_ENCODERS:
        return BlockPlan(encoder, size, "counts", 0)
    return BlockPlan(encoder, size, "scaled", COMPONENTS if size > REDUCE_ABOVE else 0)
