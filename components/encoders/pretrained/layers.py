"""Hidden states to tokens: which layers, and pooling over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import MediaError, ParamsError
from .spec import Layers, Pooling

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Choice:
    """Some of a model's hidden states; state 0 is what its first layer is given.

    Attributes:
        numbers: of the states, from 0.
        averaged: their mean is taken; else they are laid side by side.
        apart: each is a layer for itself, which training weights.
    """

    numbers: tuple[int, ...]
    averaged: bool = False
    apart: bool = False

    @classmethod
    def of(cls, layers: Layers, *, depth: int, who: str) -> Choice:
        """The states that ``layers`` names, of a model of ``depth`` layers.

        Raises:
            ParamsError: the model does not have them; the message begins with ``who``.
        """
        if isinstance(layers, str):  # WEIGHTED of `spec`
            return cls(tuple(range(depth + 1)), apart=True)
        if isinstance(layers, Mapping):
            if layers["last"] > depth:
                raise ParamsError(
                    f"{who}: layers is {{last: {layers['last']}}}, and the model has {depth} layers"
                )
            return cls(tuple(range(depth - layers["last"] + 1, depth + 1)), averaged=True)
        asked = [layers] if isinstance(layers, int) else list(layers or ())
        strange = [number for number in asked if not -depth - 1 <= number <= depth]
        if strange:
            raise ParamsError(
                f"{who}: layers is {layers}, and the model has the states 0 to {depth}, from its end -1 to {-depth - 1}"
            )
        return cls(tuple(number % (depth + 1) for number in asked))

    @property
    def width(self) -> int:
        """How many states lie side by side in a token."""
        return 1 if self.averaged else len(self.numbers)

    def of_states(self, states: Sequence[Tensor]) -> Tensor:
        """``[..., D]`` each to ``[..., width · D]``."""
        import torch

        chosen = [states[number] for number in self.numbers]
        return torch.stack(chosen).mean(0) if self.averaged else torch.cat(chosen, dim=-1)


def pooled_size(dimensions: int, pooling: Pooling) -> int:
    return 2 * dimensions if pooling == "mean-std" else dimensions


def pooled(parts: Iterable[np.ndarray], pooling: Pooling) -> np.ndarray:
    """Pool a sequence over time.

    Args:
        parts: float32 [T, D] each, one after the other; only one is held at a time unless ``pooling`` is ``none``.
        pooling: ``mean``, ``mean-std`` (the mean, then the population's standard deviation) or ``none``.

    Returns:
        float32 [1, D], [1, 2 · D] or [sum of T, D].
    """
    if pooling == "none":
        return np.concatenate(list(parts))
    count, mean, squares = 0, 0.0, 0.0
    for part in parts:  # Chan et al. (1983): the moments of each part, merged
        part = part.astype(np.float64)
        own = part.mean(0)
        total = count + len(part)
        squares = squares + ((part - own) ** 2).sum(0) + (own - mean) ** 2 * count * len(part) / total
        mean = mean + (own - mean) * len(part) / total
        count = total
    moments = [mean, np.sqrt(squares / count)] if pooling == "mean-std" else [mean]
    return np.concatenate(moments)[None].astype(np.float32)


def kept_apart(tokens: np.ndarray, layers: int, pooling: Pooling) -> np.ndarray:
    """What was pooled of all layers at once, layer after layer, in half precision.

    Args:
        tokens: as `pooled` gives them; of ``mean-std`` all layers' means come before all their deviations.
        layers: how many lie side by side.
        pooling: by which they were made.

    Returns:
        float16 of the same shape.

    Raises:
        MediaError: values beyond what half precision holds.
    """
    if pooling == "mean-std":
        tokens = tokens.reshape(len(tokens), 2, layers, -1).swapaxes(1, 2).reshape(len(tokens), -1)
    with np.errstate(over="ignore"):
        half = tokens.astype(np.float16)
    if not np.isfinite(half).all():
        raise MediaError(
            f"hidden states of up to {np.abs(tokens).max():.3g}, and layers: weighted keeps them in half precision, "
            f"which ends at {np.finfo(np.float16).max:.0f}"
        )
    return half
