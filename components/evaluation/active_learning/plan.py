"""What is simulated: for each test fold, drawn start and acquisition function one annotator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from ...errors import EvaluationError, listed
from ...protocols.few_and_zero_shot import spread
from ...protocols.rules import hashed
from ...training.refit import Choice
from ...training.rows import Fold, Part
from .acquisition import FUNCTIONS, RANDOM


@dataclass(frozen=True)
class Budget:
    """How many clips are labelled.

    Attributes:
        first: before the first question, of all classes in turn.
        ask: a round.
        rounds: how often is asked.
    """

    first: int
    ask: int
    rounds: int

    @property
    def labelled(self) -> list[int]:
        """Clips with a label at each of the ``rounds + 1`` points of a curve."""
        return [self.first + self.ask * i for i in range(self.rounds + 1)]


@dataclass(frozen=True)
class Simulation:
    """One annotator.

    Attributes:
        choice: the strategy and its configuration, as the fold's validation chose them.
        seeds: of the ensemble's members.
        fold: its number.
        pool: the clips of training speakers that may be labelled; of none but the asked ones is the label looked at.
        test: scored after every round.
        acquisition: by which clips are asked for.
        repeat: number of the drawn start, from 0.
        start: places in the pool of the clips that are labelled at first.
        order: all places of the pool, in the order in which `RANDOM` asks for them.
    """

    choice: Choice
    seeds: tuple[int, ...]
    fold: int
    pool: Part
    test: Part
    acquisition: str
    repeat: int
    budget: Budget
    start: tuple[int, ...]
    order: tuple[int, ...]

    @property
    def name(self) -> str:
        """Of the file that its outcome is kept in."""
        return f"{self.choice.strategy}.fold{self.fold}.start{self.repeat}.{self.acquisition}"


def plan(
    folds: Sequence[Fold],
    choices: Mapping[int, Choice],
    speakers: Mapping[str, str],
    *,
    classes: int,
    seeds: Sequence[int],
    functions: Sequence[str],
    budget: Budget,
    repeats: int,
) -> list[Simulation]:
    """Every fold with every drawn start and acquisition function, and `RANDOM` as the control.

    The starts of a fold are the same for all functions.

    Args:
        folds: that are tested.
        choices: fold → what its validation chose.
        speakers: utterance → who speaks.
        classes: how many.
        seeds: of the ensemble.
        functions: of `FUNCTIONS`.
        budget: of each annotator.
        repeats: starts that are drawn.

    Raises:
        EvaluationError: what cannot be simulated, with the reason.
    """
    unknown = sorted(set(functions) - set(FUNCTIONS) - {RANDOM})
    if unknown:
        raise EvaluationError(
            f"--by: there is no acquisition function {listed(unknown)}; there are {listed(FUNCTIONS)}, beside "
            f"{RANDOM}, which is always the control"
        )
    wanted = [name for name in FUNCTIONS if name in functions]
    if not wanted:
        raise EvaluationError(f"{RANDOM} is the control and needs another to compare: {listed(FUNCTIONS)}")
    if "bald" in wanted and len(seeds) < 2:
        raise EvaluationError(
            f"bald is the disagreement of an ensemble's members, and train.seeds of params.yaml has one "
            f"({listed(seeds)}): state two or more and run `dvc repro`, or ask by --by entropy alone"
        )
    if budget.first < classes:
        raise EvaluationError(
            f"--first {budget.first}: there are {classes} classes, each of which needs a labelled clip"
        )
    simulations = []
    for fold in folds:
        pool = fold.train.labelled.without(set(fold.test.ids))
        _check(fold, pool, speakers, budget)
        choice = choices[fold.number]
        for repeat in range(repeats):
            start = _start(pool, speakers, fold=fold.number, repeat=repeat, count=budget.first)
            keys = [hashed(repeat, f"{fold.number}:{RANDOM}:{name}") for name in pool.ids]
            order = tuple(sorted(range(len(keys)), key=keys.__getitem__))
            simulations += [
                Simulation(
                    choice, tuple(seeds), fold.number, pool, fold.test, name, repeat, budget, start, order
                )
                for name in (RANDOM, *wanted)
            ]
    return simulations


def _check(fold: Fold, pool: Part, speakers: Mapping[str, str], budget: Budget) -> None:
    both = sorted({speakers[name] for name in pool.ids} & {speakers[name] for name in fold.test.ids})
    if both:
        raise EvaluationError(
            f"fold {fold.number}: {listed(both)} of its test also trains, so that the annotator would be asked for "
            "clips of test speakers: use a protocol whose folds are by speaker"
        )
    most = budget.labelled[-1]
    if most > len(pool.ids):
        rounds = (len(pool.ids) - budget.first) // budget.ask
        advice = f"--rounds {rounds}" if rounds > 0 else "a smaller --first and --ask"
        raise EvaluationError(
            f"fold {fold.number}: its training speakers have {len(pool.ids)} labelled clips, and {budget.first} and "
            f"{budget.rounds} rounds of {budget.ask} are {most}: take {advice}"
        )


def _start(pool: Part, speakers: Mapping[str, str], *, fold: int, repeat: int, count: int) -> tuple[int, ...]:
    """Places of the clips that are labelled at first: of the classes in turn, of each spread over the speakers."""
    place = {name: i for i, name in enumerate(pool.ids)}
    by_class: dict[int, list[tuple[str, str]]] = {}
    for name, target in zip(pool.ids, pool.target, strict=True):
        by_class.setdefault(target, []).append((name, speakers[name]))
    turns = zip_longest(*(spread(by_class[c], seed=repeat, fold=fold) for c in sorted(by_class)))
    drawn = [name for turn in turns for name in turn if name is not None]
    return tuple(sorted(place[name] for name in drawn[:count]))
