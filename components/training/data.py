"""Utterances as tensors, and a batch of them for every member of a population."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor

from ..fusion.layer_weights import Blocks

UNLABELLED = -1
"""The target of a row whose emotion is unknown."""


@dataclass(frozen=True)
class Rows:
    """Prepared utterances.

    Attributes:
        tokens: ``{modality: [N, T_m, D_m]}``.
        present: ``{modality: bool [N, T_m]}``.
        target: int64 ``[N]``, `UNLABELLED` where there is none.
        shares: float ``[N, C]``, the raters' votes as shares; None where nobody voted. Rows of zeros: no votes.
        side: further targets of an utterance, ``{name: float [N]}``, NaN where it is not: ``valence``, ``arousal``,
            ``dominance`` in -1…1, ``intensity`` in 0…1, ``gender`` (0 female, 1 male).
        speaker: int64 ``[N]``, a number for each; None where it is unknown.
        layers: of the modalities whose tokens hold several layers of an encoder (`Preparation.layers`).
        posteriors: the modalities whose tokens are class probabilities of a model of others (`Preparation.posteriors`).
    """

    tokens: dict[str, Tensor]
    present: dict[str, Tensor]
    target: Tensor
    shares: Tensor | None = None
    side: dict[str, Tensor] = field(default_factory=dict)
    speaker: Tensor | None = None
    layers: Mapping[str, Blocks] = field(default_factory=dict)
    posteriors: frozenset[str] = frozenset()

    @property
    def dimensions(self) -> dict[str, int]:
        """Sizes of the modalities' tokens."""
        return {name: x.shape[-1] for name, x in self.tokens.items()}

    def __len__(self) -> int:
        return len(self.target)

    def to(self, device: str) -> "Rows":
        """The rows on a device."""
        return self._each(lambda x: x.to(device))

    def at(self, index: Tensor) -> "Rows":
        """Some of the rows, by index or mask."""
        return self._each(lambda x: x[index])

    def of(self, modalities: Sequence[str]) -> "Rows":
        """Some of the modalities."""
        return replace(
            self,
            tokens={name: self.tokens[name] for name in modalities},
            present={name: self.present[name] for name in modalities},
        )

    def there(self) -> Tensor:
        """Which modality a row has: bool ``[N, M]``, in the order of ``present``."""
        return torch.stack([mask.any(1) for mask in self.present.values()], dim=-1)

    def without_posteriors(self) -> "Rows":
        """The rows as training sees them, in which nobody has posteriors.

        They are of models that may have been trained on these very rows, and are surer here than elsewhere.
        """
        present = {
            name: torch.zeros_like(mask) if name in self.posteriors else mask
            for name, mask in self.present.items()
        }
        return replace(self, present=present)

    def trainable(self) -> "Rows":
        """Those that a strategy of these modalities is trained on: they have one that is no posteriors.

        Of posteriors alone all, since nothing is learned of them but the classes' shares.
        """
        if self.posteriors.issuperset(self.present):
            return self
        return self.at(self.without_posteriors().there().any(1))

    def tensors(self) -> list[Tensor]:
        """All of them."""
        some = [self.target, self.shares, *self.side.values(), self.speaker]
        tokens = [*self.tokens.values(), *self.present.values()]
        return [*tokens, *(x for x in some if x is not None)]

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Rows":
        return Rows(
            {name: change(x) for name, x in self.tokens.items()},
            {name: change(x) for name, x in self.present.items()},
            change(self.target),
            None if self.shares is None else change(self.shares),
            {name: change(x) for name, x in self.side.items()},
            None if self.speaker is None else change(self.speaker),
            self.layers,
            self.posteriors,
        )


class Batch(NamedTuple):
    """What one step sees; under ``vmap`` the leading ``K`` is gone.

    Attributes:
        tokens, present: as in `Rows`, ``[K, B, …]``.
        target: ``[K, B, C]``, a distribution a row.
        weight: ``[K, B]``, of each row in the emotion's loss; 0 for one without a label.
        classes: float ``[K, B, C]``, the row's own class, one-hot, whatever the target was made of; of a mixed row both
            classes by their shares; zeros without a label.
        side: ``{name: [K, B]}``, as in `Rows`.
    """

    tokens: dict[str, Tensor]
    present: dict[str, Tensor]
    target: Tensor
    weight: Tensor
    classes: Tensor
    side: dict[str, Tensor]

    def there(self) -> dict[str, Tensor]:
        """Which rows have a modality: ``{modality: bool [K, B]}``."""
        return {name: mask.any(-1) for name, mask in self.present.items()}
