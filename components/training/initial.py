"""The first weights of all members at once, each member's a function of its own seed and of nothing else.

How a model draws its parameters is read off one that is built: what torch drew meanwhile, and which parameters are
that, but for a factor. A model that draws in another way is not guessed at.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.func import stack_module_state

from .counters import counter_bits, counter_uniform24, member_keys, member_seeds
from .observing import Observing

STREAM = 20000
"""Which streams of random numbers the parameters have: from this on, one each."""

Module = TypeVar("Module", bound=nn.Module)

_DRAW: dict[Any, tuple[Literal["uniform", "normal"], bool]] = {
    torch.ops.aten.uniform_.default: ("uniform", True),
    torch.ops.aten.normal_.default: ("normal", True),
    torch.ops.aten.rand.default: ("uniform", False),
    torch.ops.aten.randn.default: ("normal", False),
}
"""torch's operations that draw: from which distribution, and whether two arguments state it, in place of 0 and 1."""


class UnknownDraw(Exception):
    """A parameter is drawn in a way that cannot be repeated for many members at once."""


@dataclass(frozen=True)
class Distribution:
    """Of each element of a parameter.

    Attributes:
        kind: "uniform" or "normal".
        a, b: lowest and highest value, or mean and standard deviation.
    """

    kind: Literal["uniform", "normal"]
    a: float
    b: float

    def scaled(self, factor: float) -> "Distribution":
        """That of ``factor`` times such a number."""
        a, b = self.a * factor, self.b * factor
        return Distribution(self.kind, *((min(a, b), max(a, b)) if self.kind == "uniform" else (a, abs(b))))

    def drawn(self, keys: Tensor, count: int) -> Tensor:
        """Numbers of it, float32 ``[K, count]``, the same on every device."""
        if self.kind == "uniform":
            return counter_uniform24(keys, count) * (self.b - self.a) + self.a
        places = counter_bits(keys, count).to(torch.int32) + 32768
        return _normal_quantiles().to(keys.device)[places] * self.b + self.a


@dataclass
class Drawn:
    """What one of torch's operations drew."""

    values: Tensor
    distribution: Distribution


def distributions(make: Callable[[], Module]) -> tuple[Module, dict[str, Distribution]]:
    """How a model draws its parameters.

    Args:
        make: builds one, its parameters drawn from torch's global generator.

    Returns:
        A model, and ``{parameter: its distribution}`` of those that are not the same in every model.

    Raises:
        UnknownDraw: of a parameter, or where a buffer is drawn.
    """
    model, draws = _built(make, seed=0)
    other, _ = _built(make, seed=1)
    others = dict(other.named_parameters())
    found = {
        name: _of_draw(name, parameter.detach(), draws)
        for name, parameter in model.named_parameters()
        if not torch.equal(parameter, others[name])
    }
    buffers = dict(other.named_buffers())
    for name, buffer in model.named_buffers():
        if not torch.equal(buffer, buffers[name]):
            raise UnknownDraw(f"the buffer {name} is drawn")
    return model, found


def initial_weights(
    model: nn.Module, drawn: Mapping[str, Distribution], seeds: Sequence[int], *, device: str
) -> Tensor:
    """The parameters of all members, one after another in a row a member: ``[K, P]``.

    Args:
        model, drawn: from `distributions`.
        seeds: one a member.
        device: "cpu" or "cuda".
    """
    members = member_seeds(list(seeds), device)
    parts = [torch.empty(len(seeds), 0, device=device)]  # all there is of a baseline
    for place, (name, parameter) in enumerate(model.named_parameters()):
        if name in drawn:
            keys = member_keys(members, 0, STREAM + place)
            parts.append(drawn[name].drawn(keys, parameter.numel()))
        else:
            parts.append(parameter.detach().to(device).flatten().expand(len(seeds), -1))
    return torch.cat(parts, dim=1)


def first_weights(
    make: Callable[[], Module], seeds: Sequence[int], *, device: str
) -> tuple[Module, Tensor, dict[str, Tensor], str | None]:
    """The first weights and buffers of all members: at once, or one after another where `distributions` fails.

    Args:
        make: builds a model, its parameters drawn from torch's global generator.
        seeds: one a member.
        device: "cpu" or "cuda".

    Returns:
        A model whose modules are used for all, the parameters ``[K, P]``, the buffers ``{name: [K, ...]}``, and a
        notice where models with parameters were built one after another.
    """
    try:
        model, drawn = distributions(make)
    except UnknownDraw as error:
        models = [_built(make, seed=seed)[0] for seed in seeds]
        parameters, buffers = stack_module_state(list(models))
        flat = [p.detach().flatten(1) for p in parameters.values()]
        weights = torch.cat([torch.empty(len(models), 0), *flat], dim=1)
        notice = f"models are built one after another, which is slower: {error}" if flat else None
        return models[0], weights, buffers, notice
    weights = initial_weights(model, drawn, seeds, device=device)
    buffers = {name: b.expand(len(seeds), *b.shape) for name, b in model.named_buffers()}
    return model, weights, buffers, None


class _Draws(Observing):
    """Keeps what is drawn under it; of what it does not know, nothing, so that it explains no parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[Drawn] = []

    def saw(self, operation: Callable[..., Any], args: tuple[Any, ...], result: Any) -> None:
        if operation in _DRAW:
            kind, stated = _DRAW[operation]
            a, b = (*args[1:], *(0.0, 1.0)[len(args) - 1 :]) if stated else (0.0, 1.0)
            self.drawn.append(Drawn(result.detach().clone(), Distribution(kind, a, b)))


def _built(make: Callable[[], Module], *, seed: int) -> tuple[Module, list[Drawn]]:
    with torch.random.fork_rng(devices=[]), _Draws() as draws:
        torch.manual_seed(seed)
        return make(), draws.drawn


def _of_draw(name: str, parameter: Tensor, draws: list[Drawn]) -> Distribution:
    """The distribution of the draw that a parameter is a multiple of; each draw makes one parameter."""
    for i, draw in enumerate(draws):
        if draw.values.shape != parameter.shape:
            continue
        factor = _factor(parameter, draw.values)
        if factor is not None:
            del draws[i]
            return draw.distribution.scaled(factor)
    raise UnknownDraw(f"the parameter {name} is drawn in a way that is not known")


def _factor(parameter: Tensor, values: Tensor) -> float | None:
    """By which the values were multiplied; None where they were not."""
    if torch.equal(parameter, values):
        return 1.0
    if parameter.numel() < 2:
        return None  # any number is a multiple of any other
    at = values.abs().argmax()
    factor = float(parameter.flatten()[at] / values.flatten()[at])
    return factor if torch.allclose(parameter, values * factor, rtol=1e-5, atol=0.0) else None


@lru_cache(maxsize=1)
def _normal_quantiles() -> Tensor:
    """Of the middles of 65,536 equal shares: a table, since a GPU's logarithm is not a CPU's to the last bit."""
    shares = (torch.arange(65536, dtype=torch.float64) + 0.5) / 65536
    return (math.sqrt(2) * torch.erfinv(2 * shares - 1)).to(torch.float32)
