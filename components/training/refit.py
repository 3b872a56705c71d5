"""Chosen configurations trained again, on everything that the choice may now see."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch

from .data import Rows
from .population import Member, Population


@dataclass(frozen=True)
class Choice:
    """What validation chose for a strategy: an entry of ``best.json``.

    Attributes:
        fitted: buffers that were fitted on validation rows, by name; empty for most strategies.
    """

    strategy: str
    config: dict[str, Any]
    epochs: int
    fitted: dict[str, list]


def refit(
    choice: Choice, *, seeds: Sequence[int], rows: Rows, classes: int, device: str = "cpu"
) -> Population:
    """Train the choice for its epochs, once a seed, as one population."""
    dimensions = {name: x.shape[-1] for name, x in rows.tokens.items()}
    members = [Member(choice.config, seed) for seed in seeds]
    population = Population(choice.strategy, members, dimensions=dimensions, classes=classes, device=device)
    population.fit(rows.at(rows.there().any(1)), epochs=choice.epochs)
    if choice.fitted:
        population.set_buffers(
            {name: torch.tensor(value).expand(len(members), *torch.tensor(value).shape).clone()
             for name, value in choice.fitted.items()}
        )  # fmt: skip
    return population


def probabilities(population: Population, rows: Rows) -> torch.Tensor:
    """float64 ``[K, N, C]``, each row summing to 1."""
    return population.evaluate(rows).double().softmax(-1).cpu()


def choice_for_everything(strategy: str, folds: dict[str, dict]) -> Choice:
    """One choice from the folds' choices, for the model that is trained on all rows.

    The configuration that most folds chose; of equals the one of higher mean validation UA, then of lower trial
    number. The median of the folds' epochs, and the mean of what was fitted on their validation rows.
    """
    votes = Counter(held["trial"] for held in folds.values())

    def rank(trial: int) -> tuple:
        scores = [held["validation"]["ua"] for held in folds.values() if held["trial"] == trial]
        return (-votes[trial], -sum(scores) / len(scores), trial)

    trial = min(votes, key=rank)
    config = next(held["config"] for held in folds.values() if held["trial"] == trial)
    epochs = max(1, round(median(held["epochs"] for held in folds.values())))
    names = sorted(next(iter(folds.values()))["fitted"])
    fitted = {
        name: torch.tensor([held["fitted"][name] for held in folds.values()], dtype=torch.float64)
        .mean(0)
        .tolist()
        for name in names
    }
    return Choice(strategy, config, epochs, fitted)
