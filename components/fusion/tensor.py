"""Fusion by products of embeddings: every feature of one modality may change what a feature of another means."""

from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from .experts import Intermediate
from .inner_layers import InnerLayer
from .layers import Dropout
from .output import FusionOutput
from .strategy import Choice


class _Product(Intermediate):
    """The embeddings made narrow, then multiplied by the subclass."""

    space: ClassVar = Intermediate.space | {"narrow": Choice((8, 12))}
    architecture_keys: ClassVar[tuple[str, ...]] = ("width", "layers", "narrow")

    def __init__(self, dimensions: dict[str, int], classes: int, *, width: int, layers: int, narrow: int):
        super().__init__(dimensions, classes, width=width, layers=layers)
        self.narrow = nn.ModuleDict({name: nn.Linear(width, narrow) for name in dimensions})
        self.dropout = Dropout()
        self.classifier = nn.Linear(self._build(narrow, width), classes)

    def _build(self, narrow: int, width: int) -> int:
        """Make what the subclass needs; returns the size of what it fuses to."""
        raise NotImplementedError

    def _fuse(self, each: list[Tensor]) -> Tensor:
        """``M × [B, narrow] → [B, E]``."""
        raise NotImplementedError

    def inner_layers(self) -> list[InnerLayer]:
        return [InnerLayer("narrowed", each, name) for name, each in self.narrow.items()]

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        each, alone = self.encode(tokens, present)
        embedding = self._fuse([nn.functional.gelu(self.narrow[name](x)) for name, x in each.items()])
        return FusionOutput(
            self.classifier(self.dropout(embedding)), embedding, alone, per_modality_embeddings=each
        )


class TensorFusion(_Product):
    """``[1, e_1] ⊗ [1, e_2] ⊗ …``: all products of features of any of the modalities, into one hidden layer.

    Zadeh et al., *Tensor Fusion Network for Multimodal Sentiment Analysis*, EMNLP 2017.
    """

    def _build(self, narrow: int, width: int) -> int:
        self.fuse = nn.Linear((narrow + 1) ** len(self.dimensions), width)
        return width

    def _fuse(self, each: list[Tensor]) -> Tensor:
        product = with_one(each[0])
        for x in each[1:]:
            product = (product.unsqueeze(-1) * with_one(x).unsqueeze(-2)).flatten(-2)
        return nn.functional.gelu(self.fuse(product))


class LowRankTensor(_Product):
    """The same tensor's linear map as a sum of ``rank`` products of vectors: ``Σ_r Π_m (W_m^r [e_m, 1])``.

    Liu et al., *Efficient Low-rank Multimodal Fusion with Modality-Specific Factors*, ACL 2018.
    """

    space: ClassVar = _Product.space | {"narrow": Choice((32,)), "rank": Choice((4, 8))}
    architecture_keys: ClassVar[tuple[str, ...]] = (*_Product.architecture_keys, "rank")

    def __init__(self, dimensions: dict[str, int], classes: int, *, rank: int, **sizes: int):
        self.rank = rank
        super().__init__(dimensions, classes, **sizes)

    def _build(self, narrow: int, width: int) -> int:
        self.factors = nn.ModuleDict(
            {name: nn.Linear(narrow, width * self.rank) for name in self.dimensions}
        )  # its bias is the factor of the 1
        for factor in self.factors.values():
            nn.init.ones_(cast(nn.Linear, factor).bias)  # a product of small numbers would vanish
        self.weights = nn.Parameter(torch.full((self.rank,), 1.0 / self.rank))
        return width

    def _fuse(self, each: list[Tensor]) -> Tensor:
        product = torch.ones((), device=each[0].device)
        for factor, x in zip(self.factors.values(), each, strict=True):
            product = product * factor(x).unflatten(-1, (-1, self.rank))  # [B, W, R]
        return product @ self.weights


class Multiplicative(_Product):
    """``xᵀ W y + U x + V y + b``, a network whose matrix the other modality decides; one modality after another.

    Jayakumar et al., *Multiplicative Interactions and Where to Find Them*, ICLR 2020, equation 1.
    """

    space: ClassVar = _Product.space | {"narrow": Choice((16, 24))}

    def _build(self, narrow: int, width: int) -> int:
        others = len(self.dimensions) - 1
        self.matrices = nn.ModuleList(
            nn.Linear(narrow, narrow * narrow) for _ in range(others)
        )  # W, and V as bias
        self.vectors = nn.ModuleList(nn.Linear(narrow, narrow) for _ in range(others))  # U, and b
        return narrow

    def _fuse(self, each: list[Tensor]) -> Tensor:
        x = each[0]
        for matrix, vector, y in zip(self.matrices, self.vectors, each[1:], strict=True):
            product = (matrix(x).unflatten(-1, (y.shape[-1], -1)) @ y.unsqueeze(-1)).squeeze(-1)
            x = nn.functional.gelu(product + vector(x))
        return x


def with_one(x: Tensor) -> Tensor:
    """``[B, D] → [B, D + 1]``: so that products hold the features alone too."""
    return torch.cat((torch.ones_like(x[..., :1]), x), dim=-1)
