"""The cohorts of a search: every strategy and fold gets the same number of configurations, seeds and epochs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..fusion.strategy import Log, Uniform
from ..schema import ChooseBy
from ..training.hyperparameters import COMMON
from .cohort import Cohort
from .outcome import Outcome
from .proposals import Method, batch_sizes, propose
from .space import axes, check, member_seed

Done = Mapping[tuple[str, int], Sequence[tuple[Cohort, Outcome]]]
"""``{(strategy, fold): the batches that ended, in their order}``."""


@dataclass(frozen=True)
class Plan:
    """What params.yaml states of a search; `Cohort` and ``params.Search`` describe each field.

    Raises:
        SearchError: an unknown strategy or hyper-parameter, a value out of range, or an architecture that cannot be
            built.
    """

    strategies: Sequence[str]
    folds: Sequence[int]
    modalities: Sequence[str]
    configurations: int
    epochs: int
    halvings: int
    seed: int
    seeds: int
    choose_by: ChooseBy
    space: Mapping[str, Any]
    proposals: Method
    batches: int
    evolve: bool
    patience: int | None

    def __post_init__(self) -> None:
        check(self.strategies, modalities=self.modalities, stated=self.space)

    def cohorts(self, batch: int, done: Done, *, without: Sequence[str] = ()) -> list[Cohort]:
        """The cohorts of a batch, fold by fold.

        Args:
            batch: from 0 on; all batches before it must have ended.
            done: the cohorts and outcomes of the batches before it.
            without: strategies that nothing is searched for.
        """
        sizes = batch_sizes(self.configurations, self.batches)
        first = sum(sizes[:batch])
        seeds = [member_seed(self.seed, first + i) for i in range(sizes[batch])]
        cohorts = []
        for fold in self.folds:
            for name in self.strategies:
                if name in without:
                    continue
                space = axes(name, modalities=self.modalities, stated=self.space)
                past = [
                    pair
                    for cohort, outcome in done.get((name, fold), ())
                    for pair in zip(cohort.configs, outcome.trials, strict=True)
                ]
                configs = propose(
                    self.proposals,
                    space,
                    sizes=sizes,
                    batch=batch,
                    key=[name, self.seed],
                    fold=fold,
                    past=past,
                )
                moves = {
                    key: (axis.low, axis.high)
                    for key, axis in space.items()
                    if isinstance(axis, (Uniform, Log)) and key not in COMMON
                }
                cohorts.append(
                    Cohort(
                        name,
                        fold,
                        configs,
                        seeds,
                        self.epochs,
                        self.halvings,
                        repeats=self.seeds,
                        choose_by=self.choose_by,
                        patience=self.patience,
                        moves=moves if self.evolve else None,
                        batch=batch,
                        first=first,
                    )
                )
        return cohorts
