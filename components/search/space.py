"""What a search varies: each strategy's own space, and what ``search.space`` of params states otherwise.

Configurations: as many for every strategy, the same for a seed, spread evenly over each axis of the space.
"""

import difflib
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ParamsError, SearchError, listed
from ..files import digest_of
from ..fusion.strategy import Choice, Log, Uniform, build, entry, search_space, uses
from ..training.hyperparameters import COMMON, HYPERPARAMETERS
from .strategies import check_strategies, named

Axis = Choice | Uniform | Log
WHERE = "params.yaml: search.space"


def configurations(
    strategy: str,
    *,
    modalities: Sequence[str],
    count: int,
    seed: int,
    stated: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """A strategy's configurations, spread evenly over each axis of its space.

    Args:
        strategy: its name.
        modalities: those that params.yaml names.
        count: how many.
        seed: of the experiment.
        stated: ``search.space`` of params.

    Raises:
        SearchError: as `axes`.
    """
    return spread(axes(strategy, modalities=modalities, stated=stated), count=count, key=[strategy, seed])


def spread(space: Mapping[str, Axis], *, count: int, key: Sequence[Any]) -> list[dict[str, Any]]:
    """A Latin hypercube (McKay, Beckman & Conover 1979): each axis is cut into ``count`` parts, each used once.

    Args:
        space: axis per hyper-parameter.
        count: how many configurations.
        key: what the draws are a function of, JSON values.
    """
    generator = seeded(*key)
    configs: list[dict[str, Any]] = [{} for _ in range(count)]
    for name, axis in space.items():
        places = (generator.permutation(count) + generator.random(count)) / count
        for config, u in zip(configs, places, strict=True):
            config[name] = rounded(axis, axis.at(float(u)))
    return configs


def axes(
    strategy: str, *, modalities: Sequence[str], stated: Mapping[str, Any] | None = None
) -> dict[str, Axis]:
    """A strategy's search space: its own, overridden by what is stated for all, then by what is stated for it alone.

    Its own keys come first, in alphabetical order, then others that are stated, so that stating a further one does
    not change the draws of the others. A key of an architecture that is stated for all is ignored by strategies that
    lack it.

    Args:
        strategy: its name.
        modalities: those that params.yaml names.
        stated: ``search.space`` of params.

    Raises:
        SearchError: for an unknown strategy; for a key that the strategy does not have, or a value that the key
            may not take, each with what is valid.
    """
    keys = keys_of(strategy, modalities)
    space = dict(sorted(search_space(strategy, modalities).items()))
    stated = stated or {}
    for key, value in sorted(stated.items()):
        if key in keys:
            space[key] = _axis(key, value, space.get(key), where=f"{WHERE}.{key}")
    for key, value in sorted(stated.get(strategy, {}).items()):
        if key not in keys:
            raise SearchError(f"{WHERE}.{strategy}: {strategy} has no {key!r}; {_nearest(key, keys)}")
        space[key] = _axis(key, value, space.get(key), where=f"{WHERE}.{strategy}.{key}")
    return space


def check(strategies: Sequence[str], *, modalities: Sequence[str], stated: Mapping[str, Any]) -> None:
    """Check what params.yaml states of a search space: names, values and architectures.

    Args:
        strategies: ``search.strategies`` of params.
        modalities: those that params.yaml names.
        stated: ``search.space`` of params.

    Raises:
        SearchError: an unknown strategy or hyper-parameter, a value out of range, or an architecture that cannot be
            built.
    """
    check_names(strategies, modalities, stated)
    for name in strategies:
        axes(name, modalities=modalities, stated=stated)
        check_architectures(name, modalities=modalities, stated=stated)


def check_names(strategies: Sequence[str], modalities: Sequence[str], stated: Mapping[str, Any]) -> None:
    """Check that some strategy learns, and that every name in ``search.space`` is a strategy or a key of one.

    Args:
        strategies: ``search.strategies`` of params.
        modalities: those that params.yaml names.
        stated: ``search.space`` of params.

    Raises:
        SearchError: naming the key and the nearest valid one.
    """
    check_strategies(strategies, modalities)
    keys = sorted({key for name in strategies for key in keys_of(name, modalities)})
    for name, value in stated.items():
        ours = not isinstance(value, Mapping) or {"log", "uniform"} & set(value)
        if ours and name not in keys:
            raise SearchError(
                f"{WHERE}: {name!r} is no hyper-parameter of any strategy here; {_nearest(name, keys)}"
            )
        if not ours and name in keys:
            raise SearchError(
                f"{WHERE}.{name} is {dict(value)}; a range is {{uniform: [low, high]}} or {{log: [low, high]}}"
            )
        if not ours and name not in strategies:
            raise SearchError(f"{WHERE}: {name!r} is none of search.strategies; {_nearest(name, strategies)}")


def keys_of(strategy: str, modalities: Sequence[str]) -> list[str]:
    """All keys that a configuration of the strategy may have, sorted.

    Raises:
        SearchError: for an unknown strategy, with the nearest that is known.
    """
    kind = named(strategy, modalities).load()
    return sorted({*HYPERPARAMETERS, *kind.architecture_keys, *search_space(strategy, modalities)})


def check_architectures(strategy: str, *, modalities: Sequence[str], stated: Mapping[str, Any]) -> None:
    """Check that every architecture that is stated for a strategy can be built and applied.

    Args:
        strategy: its name.
        modalities: those that params.yaml names.
        stated: ``search.space`` of params; where it states no architecture, nothing is built.

    Raises:
        SearchError: the first that cannot, and why.
    """
    import torch

    keys = entry(strategy, modalities).load().architecture_keys
    if not {*stated, *stated.get(strategy, {})} & set(keys):
        return  # its own
    space = axes(strategy, modalities=modalities, stated=stated)
    dimensions = {name: 4 for name in sorted(uses(strategy, modalities))}
    for values in itertools.product(*(space[key].values for key in keys)):
        config = dict(zip(keys, values, strict=True))
        try:
            with torch.device("meta"), torch.no_grad():
                model = build(strategy, dimensions=dimensions, classes=2, config=config)
                present = {name: torch.ones(2, 1, dtype=torch.bool) for name in dimensions}
                model({name: torch.zeros(2, 1, size) for name, size in dimensions.items()}, present)
        except (AssertionError, ArithmeticError, ParamsError, RuntimeError, ValueError) as error:
            raise SearchError(f"{WHERE}: {strategy} cannot be of {config}: {error}") from None


def seeded(*key: Any) -> np.random.Generator:
    """Random numbers that are a function of the key, any JSON value."""
    return np.random.default_rng(int(digest_of(list(key))[:15], 16))


def member_seed(seed: int, trial: int) -> int:
    """The seed of a trial's initial weights and batches: the same in every strategy and fold."""
    return int(digest_of([seed, trial])[:8], 16)


def repeated_seed(seed: int, repeat: int) -> int:
    """The seed of a trial's further repeat; that of repeat 0 is the trial's own."""
    return member_seed(seed, repeat) if repeat else seed


def rounded(axis: Axis, value: Any) -> Any:
    """A number rounded to six significant digits, as files hold it, and kept within the axis; choices stay."""
    if isinstance(axis, Choice):
        return value
    return min(max(float(f"{value:.6g}"), axis.low), axis.high)


def _axis(key: str, value: Any, own: Axis | None, *, where: str) -> Axis:
    if isinstance(value, Mapping):
        ((scale, (low, high)),) = value.items()
        values = [low, high]
        if key not in HYPERPARAMETERS or key in COMMON:
            why = "is shared by the members of a population" if key in COMMON else "is of the architecture"
            raise SearchError(f"{where} is {dict(value)!r}: {key} {why}; give the values in a list")
    else:
        values = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    for each in values:
        _check(key, each, own, where=where)
    if isinstance(value, Mapping):
        return {"log": Log, "uniform": Uniform}[scale](float(low), float(high))
    return Choice(tuple(float(v) for v in values) if key in HYPERPARAMETERS else tuple(values))


def _check(key: str, value: Any, own: Axis | None, *, where: str) -> None:
    if key in HYPERPARAMETERS:
        known = HYPERPARAMETERS[key]
        whole = key in COMMON
        number = not isinstance(value, (str, bool)) and known.low <= value <= known.high
        if not number or (whole and value != round(value)):
            raise SearchError(
                f"{where} holds {value!r}; {key} is a {'whole ' * whole}number from {known.low:g} to {known.high:g}: "
                f"{known.meaning}"
            )
        return
    usual = own.values if isinstance(own, Choice) else ()
    if any(isinstance(each, str) for each in usual):
        spelt = bool(own.pattern) and isinstance(value, str) and bool(re.fullmatch(own.pattern, value))
        valid = spelt or value in usual
        allowed = f"one of {', '.join(map(str, usual))}{own.meaning and f', or {own.meaning}'}"
    else:
        valid = value in usual or (isinstance(value, int) and not isinstance(value, bool) and value > 0)
        allowed = f"a whole number from 1 on, as in {list(usual)}"
    if not valid:
        raise SearchError(f"{where} holds {value!r}; {key} is {allowed}")


def _nearest(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"it may be: {listed(known, 40)}"
