"""The fusion strategies under their names in the literature, each with its search space.

Adding one is a file here with a subclass of `Strategy`, say ``louder.py``::

    from typing import ClassVar

    import torch
    from torch import nn

    from .experts import Intermediate
    from .output import FusionOutput
    from .strategy import Choice

    class Louder(Intermediate):
        '''For each feature the largest of the modalities' embeddings.'''

        space: ClassVar = Intermediate.space | {"width": Choice((64, 128))}

        def __init__(self, dimensions, classes, *, width, layers):
            super().__init__(dimensions, classes, width=width, layers=layers)
            self.classifier = nn.Linear(width, classes)

        def forward(self, tokens, present):
            each, alone = self.encode(tokens, present)
            embedding = torch.stack(list(each.values())).amax(0)
            return FusionOutput(self.classifier(embedding), embedding, alone, per_modality_embeddings=each)

and a line in `catalogue.REGISTRY`::

    "louder": Entry("louder", "Louder", "max pooling", "each modality's encoder; the largest of each feature"),

From then on `emoflow strategies` lists it, ``search.strategies`` may name it, and it is searched, refitted, packed and
served as the others are. Keys of its architecture beside ``width`` and ``layers`` go into `architecture_keys` and
``space``; what it fits before the first step, or on validation rows, into `fit_on_training` and `fit_on_validation`;
what layers `emoflow probe` finds between the modalities' encoders and the embedding, into `inner_layers`.
The tests over the registry (tests/fusion/test_strategies.py) then hold it to what all strategies promise.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from ..schema import BASELINES as BASELINES
from .axes import Choice as Choice
from .axes import Log as Log
from .axes import Uniform as Uniform
from .catalogue import REGISTRY as REGISTRY
from .catalogue import TRAINING_SPACE, UNIMODAL
from .catalogue import entry as entry
from .inner_layers import InnerLayer
from .layer_weights import Blocks, LayerWeights
from .output import FusionOutput


class Strategy(nn.Module):
    """A fusion strategy over prepared tokens.

    Holds no running statistics and no data-dependent branch. Takes any non-empty subset of its modalities: one
    that a row lacks has no ``True`` in its mask; one that the whole batch lacks may be left out of the dicts.

    Args:
        dimensions: size of each modality's tokens, in the alphabetical order of the modalities.
        classes: how many.
        architecture: the configuration's keys named in `architecture_keys`.

    Attributes:
        layer_weights: sums the layers of encoders before ``forward``; None where no encoder has several (`build`).
        inputs: sizes of the tokens that it is called with; ``dimensions`` are those of what ``forward`` is given.
    """

    space: ClassVar[dict[str, Choice | Uniform | Log]] = {}
    architecture_keys: ClassVar[tuple[str, ...]] = ("width", "layers")
    defaults: ClassVar[dict[str, Any]] = {}
    """Fixed entries of every configuration of this strategy."""
    takes_posteriors: ClassVar[bool] = False
    """Whether a modality may be the class probabilities of a model of others (see `posteriors`)."""
    encoded: ClassVar[str] = "encoded"
    """What `FusionOutput.per_modality_embeddings` are called where layers are named."""

    def __init__(self, dimensions: dict[str, int], classes: int, **architecture: Any):
        super().__init__()
        assert list(dimensions) == sorted(dimensions), f"modalities out of order: {list(dimensions)}"
        self.dimensions = self.inputs = dict(dimensions)
        self.classes = classes
        self.layer_weights: LayerWeights | None = None

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(self.dimensions)

    def forward(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> FusionOutput:
        """Fuse one batch: ``tokens[m] [B, T_m, D_m]``, ``present[m]`` bool ``[B, T_m]``."""
        raise NotImplementedError

    def inner_layers(self) -> list[InnerLayer]:
        """Its layers between the encoded modalities and the embedding, in the order of ``forward``; [] for none."""
        return []

    def with_layers(self, weights: LayerWeights, inputs: dict[str, int]) -> Self:
        """The same strategy on tokens of these sizes, whose layers it sums first."""
        self.layer_weights, self.inputs = weights, dict(inputs)
        self.register_forward_pre_hook(_sum_layers)
        return self

    def summed(self, tokens: dict[str, Tensor], present: dict[str, Tensor]) -> dict[str, Tensor]:
        """What ``forward`` is given of the tokens that the strategy is called with."""
        return tokens if self.layer_weights is None else self.layer_weights(tokens, present)

    def fit_on_training(
        self, tokens: dict[str, Tensor], present: dict[str, Tensor], target: Tensor
    ) -> dict[str, Tensor]:
        """Frozen buffers that are fitted on the training rows before the first step; the same for every member.

        Args:
            tokens: ``{modality: [N, T, D]}``, as ``forward`` is given them; present: bool ``{modality: [N, T]}``.
            target: ``[N]``, negative where a row has no label.

        Returns:
            ``{buffer's name: its value}``; empty for a strategy that has none.
        """
        return {}

    @staticmethod
    def fit_to_prior(prior: Tensor) -> dict[str, Tensor]:
        """Frozen buffers that follow from the prior of the classes that each member's training targets have.

        Args:
            prior: ``[K, C]``, rows summing to 1, none 0: with class weights, smoothing and soft labels as each member
                is trained, since that is the prior which its posteriors contain.

        Returns:
            ``{buffer's name: [K, ...]}``; empty for a strategy that has none.
        """
        return {}

    def fit_on_validation(
        self,
        per_modality_logits: dict[str, Tensor],
        there: Tensor,
        target: Tensor,
        seen: Tensor,
        prior: Tensor,
        class_weight: Tensor,
    ) -> dict[str, Tensor]:
        """Frozen buffers that are chosen on validation rows, for each member of a population.

        Args:
            per_modality_logits: ``{modality: [K, N, C]}``.
            there: bool ``[N, M]``, which modality a row has, in the same order.
            target: ``[N]``.
            seen: bool ``[S, N]``, the rows of each fit.
            prior: as in `fit_to_prior`; class_weight: ``[K, C]``, of a row of each class in training.

        Returns:
            ``{buffer's name: [S, K, ...]}``; empty for a strategy that has none.
        """
        return {}


def learns_posteriors(name: str, modalities: Sequence[str], posteriors: Collection[str]) -> list[str]:
    """The posteriors that a strategy would learn from as if they were features; none where it takes them for what they
    are.

    Args:
        name: of the strategy.
        modalities: those there are.
        posteriors: those of them that are class probabilities of a model of others.
    """
    if name in BASELINES or entry(name, modalities).load().takes_posteriors:
        return []
    return sorted(set(uses(name, modalities)) & set(posteriors))


def uses(name: str, modalities: Sequence[str]) -> tuple[str, ...]:
    """The modalities that a strategy takes, of those there are: its own one, or all."""
    return (name,) if entry(name, modalities) is UNIMODAL else tuple(modalities)


def search_space(name: str, modalities: Sequence[str]) -> dict[str, Choice | Uniform | Log]:
    """Everything that a search may vary of a strategy, by the configuration's key."""
    return TRAINING_SPACE | entry(name, modalities).load().space


def build(
    name: str,
    *,
    dimensions: dict[str, int],
    classes: int,
    config: dict[str, Any],
    layers: Mapping[str, Blocks] | None = None,
    posteriors: Collection[str] = (),
) -> Strategy:
    """A strategy for prepared tokens of these sizes, its parameters drawn from torch's global generator.

    Args:
        dimensions: of the modalities that the strategy takes (`uses`).
        config: a configuration; keys that are no business of the architecture are ignored.
        layers: of the modalities whose tokens hold several layers of an encoder (`Preparation.layers`).
        posteriors: the modalities whose tokens are class probabilities of a model of others
            (`Preparation.posteriors`).
    """
    kind = entry(name, tuple(dimensions)).load()
    dimensions = dict(sorted(dimensions.items()))
    architecture = {key: config[key] for key in kind.architecture_keys}
    if not kind.takes_posteriors and name not in BASELINES:
        assert not set(dimensions) & set(posteriors), (
            f"{name} would learn from posteriors: {sorted(posteriors)}"
        )
    elif kind.takes_posteriors and (given := frozenset(dimensions) & frozenset(posteriors)):
        architecture["posteriors"] = given
    own = {modality: blocks for modality, blocks in (layers or {}).items() if modality in dimensions}
    if not own or name in BASELINES:  # which look at no token
        return kind(dimensions, classes, **architecture)
    weights = LayerWeights(own)
    return kind(weights.summed_sizes(dimensions), classes, **architecture).with_layers(weights, dimensions)


def _sum_layers(model: Strategy, inputs: tuple[dict[str, Tensor], dict[str, Tensor]]) -> tuple[Any, ...]:
    tokens, present = inputs
    return model.summed(tokens, present), present


def parameter_count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
