"""One simulated annotator: train on what is labelled, score the test, ask for the clips of most doubt, repeat."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...errors import EvaluationError
from ...training.data import UNLABELLED, Rows
from ...training.order import steps_of
from ...training.refit import Choice, probabilities, refit
from .acquisition import FUNCTIONS, RANDOM, most
from .plan import Simulation

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Answers:
    """What came of it.

    Attributes:
        labelled: places in the pool, those of the start first, then round by round as they were asked for.
        predicted: class codes of the test rows ``[rounds + 1][N]`` by the mean of the members' probabilities.
    """

    labelled: list[int]
    predicted: list[list[int]]


def annotate(simulation: Simulation, pool: Rows, test: Rows, *, classes: int, device: str = "cpu") -> Answers:
    """Simulate an annotator.

    Each round begins again from first weights. As many steps are taken as the choice takes on the whole pool, since of
    few clips an epoch is few steps.

    Args:
        simulation: whom.
        pool: prepared rows of its pool, with their labels: the annotator's answers.
        test: prepared rows of its test; nothing but their predictions is made of them.
        classes: number of classes C.
        device: "cpu" or "cuda".

    Raises:
        SearchError: all members of an ensemble diverged.
        EvaluationError: one was left, whose disagreement with itself says nothing.
    """
    import torch

    hidden, test = _without_labels(pool), _without_labels(test)
    labelled, predicted = list(simulation.start), []
    steps = steps_of(len(pool))
    for count in simulation.budget.labelled:
        population = refit(
            stretched(simulation.choice, steps, steps_of(count)),
            seeds=simulation.seeds,
            rows=pool.at(torch.tensor(sorted(labelled))),
            classes=classes,
            device=device,
            fold=simulation.fold,
        )
        scored = probabilities(population, test).numpy()
        predicted.append(scored.mean(0).argmax(-1).tolist())
        if len(predicted) <= simulation.budget.rounds:
            left = np.array(sorted(set(range(len(pool))) - set(labelled)))
            if simulation.acquisition == RANDOM:
                asked = [i for i in simulation.order if i in set(left.tolist())][: simulation.budget.ask]
            else:
                if simulation.acquisition == "bald" and len(population) < 2:
                    raise EvaluationError(
                        f"{simulation.name}: with {count} clips all seeds but one diverged, so that no disagreement is "
                        "left to ask by: state more train.seeds, or ask by --by entropy alone"
                    )
                doubt = probabilities(population, hidden.at(torch.from_numpy(left))).numpy()
                asked = left[most(FUNCTIONS[simulation.acquisition](doubt), simulation.budget.ask)].tolist()
            labelled += asked
    return Answers(labelled, predicted)


def stretched(choice: Choice, whole: int, now: int) -> Choice:
    """The choice with as many steps in all.

    Args:
        choice: epochs and schedule are for epochs of ``whole`` steps.
        now: steps of an epoch, at most as many.
    """
    return replace(
        choice,
        epochs=-(-choice.epochs * whole // now),
        schedule=tuple(((begin - 1) * whole // now + 1, config) for begin, config in choice.schedule),
    )


def _without_labels(rows: Rows) -> Rows:
    """The recordings alone."""
    target: Tensor = rows.target.new_full((len(rows),), UNLABELLED)
    return replace(rows, target=target, shares=None, side={}, speaker=None)
