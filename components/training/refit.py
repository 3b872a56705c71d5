"""Chosen configurations trained again, on everything that the choice may now see."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch

from ..artifacts.search import Chosen, StrategyChoice
from ..errors import SearchError, listed
from .data import Rows
from .members import Member
from .population import Population


@dataclass(frozen=True)
class Choice:
    """What validation chose for a strategy: an entry of ``best.json``.

    Attributes:
        strategy: its name.
        config: hyper-parameters and the strategy's architecture.
        epochs: how many it is trained.
        fitted: buffers that were fitted on validation rows, by name, as nested lists of numbers; empty for most
            strategies.
        schedule: ``((epoch, config), …)``, each in force from its epoch (1 is the first) on, of a configuration that
            the search changed on its way; empty where ``config`` held throughout.
    """

    strategy: str
    config: dict[str, Any]
    epochs: int
    fitted: dict[str, list[Any]]
    schedule: tuple[tuple[int, dict[str, Any]], ...] = ()

    @classmethod
    def of(cls, strategy: str, chosen: Chosen) -> "Choice":
        """What one fold's validation chose."""
        return cls(strategy, chosen.config, chosen.epochs, chosen.fitted, tuple(chosen.schedule))

    def parts(self) -> list[tuple[int, dict[str, Any]]]:
        """``[(epochs, config), …]`` one after another, as many epochs in all as were chosen."""
        schedule = self.schedule or ((1, self.config),)
        ends = [epoch - 1 for epoch, _ in schedule[1:]] + [self.epochs]
        parts = [
            (min(end, self.epochs) - begin + 1, config)
            for (begin, config), end in zip(schedule, ends, strict=True)
        ]
        return [(epochs, config) for epochs, config in parts if epochs > 0]


def refit(
    choice: Choice,
    *,
    seeds: Sequence[int],
    rows: Rows,
    classes: int,
    device: str = "cpu",
    fold: int | None = None,
) -> Population:
    """Train the choice for its epochs, once per seed, as one population.

    Args:
        choice: configuration, epochs and what was fitted on validation.
        seeds: one per member.
        rows: prepared training rows of the strategy's modalities.
        classes: number of classes C.
        device: "cpu" or "cuda".
        fold: named in the error.

    Returns:
        The members that did not diverge, in the order of their seeds.

    Raises:
        SearchError: all of them diverged.
    """
    parts = choice.parts()
    members = [Member(parts[0][1], seed) for seed in seeds]
    population = Population(
        choice.strategy,
        members,
        dimensions=rows.dimensions,
        classes=classes,
        layers=rows.layers,
        posteriors=rows.posteriors,
        device=device,
    )
    rows = rows.trainable()
    for epochs, config in parts:
        population.reconfigure([config] * len(members))
        population.fit(rows, epochs=epochs)
    if choice.fitted:
        population.set_fitted(
            {name: torch.tensor(value).expand(len(members), *torch.tensor(value).shape).clone()
             for name, value in choice.fitted.items()}
        )  # fmt: skip
    sound = _sound(population, rows)
    if not sound:
        where = choice.strategy if fold is None else f"{choice.strategy}, fold {fold}"
        raise SearchError(
            f"{where}: in the refit of {choice.config} all of the seeds {listed(seeds, 20)} diverged (losses, "
            "weights or scores are no longer finite). In params.yaml, lower the upper end of "
            "search.space.learning_rate, or leave the strategy out of search.strategies"
        )
    if len(sound) < len(population):
        population.keep(sound)
    return population


def _sound(population: Population, rows: Rows) -> list[int]:
    """The members whose losses, averaged weights and scores of the training rows are finite.

    A loss is of the weights before its step, so the losses alone do not tell of the last one.
    """
    made = [population.evaluate(rows), *population.state().values()]
    return [
        k for k in range(len(population)) if population.alive[k] and all(x[k].isfinite().all() for x in made)
    ]


def probabilities(population: Population, rows: Rows) -> torch.Tensor:
    """Score rows.

    Args:
        population: K trained members.
        rows: N prepared rows.

    Returns:
        Probabilities, float64 ``[K, N, C]``, each row summing to 1.
    """
    return population.evaluate(rows).double().softmax(-1).cpu()


def choice_for_everything(strategy: str, searched: StrategyChoice) -> Choice:
    """One choice for the model that is trained on all rows.

    Where all folds tried the same configurations, the one that the mean validation scores over the folds put first
    (``across_folds``): votes ignore by how much a fold prefers one. Otherwise (``proposals: tpe``, ``evolve``) the
    configuration that most folds chose; of equals the one of higher mean validation UA, then of lower trial number,
    with the median of the folds' epochs and the mean of what was fitted on their validation rows.

    Args:
        strategy: its name.
        searched: what the search chose for it on each fold, and over the folds.
    """
    if searched.across_folds is not None:
        return Choice.of(strategy, searched.across_folds)
    folds = searched.folds
    alike: dict[str, list[Chosen]] = {}
    for chosen in folds.values():
        key = json.dumps([chosen.config, chosen.schedule], sort_keys=True)
        alike.setdefault(key, []).append(chosen)

    def rank(votes: list[Chosen]) -> tuple[int, float, int]:
        score = sum(chosen.validation.ua for chosen in votes) / len(votes)
        return (-len(votes), -score, min(chosen.trial for chosen in votes))

    first = min(alike.values(), key=rank)[0]
    epochs = max(1, round(median(chosen.epochs for chosen in folds.values())))
    names = sorted(next(iter(folds.values())).fitted)
    fitted = {
        name: torch.tensor([chosen.fitted[name] for chosen in folds.values()], dtype=torch.float64)
        .mean(0)
        .tolist()
        for name in names
    }
    return Choice.of(strategy, first.model_copy(update={"epochs": epochs, "fitted": fitted}))
