"""Which configurations a batch tries: spread beforehand, drawn at random, or learnt from the batches before.

A proposal is a function of the seed and of what the earlier batches came to, so a search that goes on where it was
killed proposes the same again.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..files import digest_of
from .outcome import Trial
from .space import Axis, Choice, Log, rounded, seeded, spread

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

Method = Literal["spread", "random", "tpe"]
Past = Sequence[tuple[dict[str, Any], Trial]]
"""(What was proposed, what became of it), in the order of the trials."""


def batch_sizes(configurations: int, batches: int) -> list[int]:
    """The configurations of each batch, as even as can be, the larger first: ``12, 5 → [3, 3, 2, 2, 2]``."""
    return [len(part) for part in np.array_split(np.arange(configurations), batches)]


def propose(
    method: Method,
    space: dict[str, Axis],
    *,
    sizes: Sequence[int],
    batch: int,
    key: Sequence[Any],
    fold: int,
    past: Past,
) -> list[dict[str, Any]]:
    """The configurations of a batch.

    Args:
        method: "spread": one Latin hypercube over all batches. "random": each axis at random (Bergstra & Bengio
            2012). "tpe": a Latin hypercube in the first batch, then the tree-structured Parzen estimator (Bergstra
            et al. 2011), multivariate, of Optuna; within a batch it assumes poor results for pending trials.
        space: the strategy's axes.
        sizes: of all batches, as from `batch_sizes`.
        batch: from 0 on.
        key: what the random numbers are a function of: the strategy and the seed.
        fold: whose past it is; only "tpe" uses it, so otherwise every fold has the same configurations.
        past: all trials of the earlier batches of this strategy and fold; only "tpe" looks at them.
    """
    begin, end = sum(sizes[:batch]), sum(sizes[: batch + 1])
    if method == "spread":
        return spread(space, count=sum(sizes), key=key)[begin:end]
    if method == "random":
        return _at_random(space, count=sum(sizes), key=key)[begin:end]
    if batch == 0:
        return spread(space, count=sizes[0], key=key)
    return _learnt(space, count=sizes[batch], key=[*key, fold, batch], past=past)


def _at_random(space: dict[str, Axis], *, count: int, key: Sequence[Any]) -> list[dict[str, Any]]:
    generator = seeded(*key, "random")
    return [
        {name: rounded(axis, axis.at(float(generator.random()))) for name, axis in space.items()}
        for _ in range(count)
    ]


def _learnt(space: dict[str, Axis], *, count: int, key: Sequence[Any], past: Past) -> list[dict[str, Any]]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    seed = int(digest_of(list(key))[:8], 16)
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=1)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    distributions = {name: _distribution(axis) for name, axis in space.items()}
    finished = [
        _optuna_trial(config, trial, distributions) for config, trial in past if trial.status != "failed"
    ]
    study.add_trials(finished)
    return [
        {name: rounded(space[name], value) for name, value in study.ask(distributions).params.items()}
        for _ in range(count)
    ]


def _optuna_trial(
    config: dict[str, Any], trial: Trial, distributions: dict[str, "BaseDistribution"]
) -> "FrozenTrial":
    """A finished trial by its UA; one that was stopped as pruned, by the UA that it had when it was."""
    from optuna.trial import TrialState, create_trial

    params = {name: config[name] for name in distributions}
    if trial.status == "finished":
        return create_trial(params=params, distributions=distributions, value=trial.peak.ua)
    reached = {trial.epochs: trial.peak.ua}
    return create_trial(
        params=params, distributions=distributions, state=TrialState.PRUNED, intermediate_values=reached
    )


def _distribution(axis: Axis) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if isinstance(axis, Choice):
        return CategoricalDistribution(axis.values)
    return FloatDistribution(axis.low, axis.high, log=isinstance(axis, Log))
