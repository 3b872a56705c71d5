"""A cohort: the configurations of one strategy on one fold, trained together, halved synchronously.

Pure computation on the rows it is given, which hold training and validation only; no Ray, no files.
"""

import gc
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from ..errors import SearchError
from ..fusion.strategy import entry
from ..schema import ChooseBy
from ..training.data import Rows
from ..training.hyperparameters import common
from ..training.memory import is_lack_of_memory
from ..training.population import Member, Population
from .ensemble import Ensembles
from .evolution import perturbed, succession
from .fitting import at_once, too_large
from .outcome import Outcome
from .space import repeated_seed, seeded
from .trial_state import TrialState


@dataclass(frozen=True)
class Cohort:
    """What is trained together.

    Attributes:
        seeds: one a configuration; its further repeats derive theirs from it (`space.repeated_seed`).
        halvings: how often the better half goes on alone.
        repeats: seeds that each configuration is trained with; they go and stay together.
        choose_by: whether they are ranked by the mean of their seeds' scores or by the score of their ensemble.
        patience: epochs without a better validation curve after which a configuration is trained no longer; it may
            still be chosen. None: all are trained to the end.
        moves: the ranges within which evolution may move a configuration (`evolution`), which then takes the place of
            halving; None: no evolution.
        batch: which batch of proposals this is; first: the number of its first trial.
    """

    strategy: str
    fold: int
    configs: list[dict[str, Any]]
    seeds: list[int]
    epochs: int
    halvings: int
    repeats: int = 1
    choose_by: ChooseBy = "mean"
    patience: int | None = None
    moves: dict[str, tuple[float, float]] | None = None
    batch: int = 0
    first: int = 0


def rungs(epochs: int, halvings: int) -> list[int]:
    """The epochs at which a cohort is halved, and its last: ``40, 2 → [10, 20, 40]``.

    Args:
        epochs: of the configurations that are trained to the end.
        halvings: how often the better half goes on alone.

    Raises:
        SearchError: where a rung would have no epoch of its own.
    """
    ends = [epochs >> (halvings - i) for i in range(halvings + 1)]
    if ends[0] < 1 or len(set(ends)) < len(ends):
        raise SearchError(
            f"params.yaml: search.halvings is {halvings}, too many for {epochs} epochs; "
            f"at most {max(0, epochs.bit_length() - 1)}"
        )
    return ends


def run_cohort(
    cohort: Cohort,
    *,
    training: Rows,
    validation: Rows,
    classes: int,
    device: str = "cpu",
    memory: int | None = None,
) -> Outcome:
    """Train all configurations. At each rung only the better half by validation goes on, or evolution replaces some.

    A configuration one of whose losses is no longer finite has failed and is removed, without effect on the others.

    Args:
        cohort: what is trained.
        training: prepared training rows of the strategy's modalities.
        validation: prepared validation rows of the same.
        classes: number of classes C.
        device: "cpu" or "cuda".
        memory: bytes that there are for it; what does not fit at once is trained in parts. None: no look at that.

    Returns:
        A trial per configuration, in their order.

    Raises:
        SearchError: no training row has one of the modalities; no memory for a single member.
    """
    training = training.trainable().to(device)
    if not len(training):
        raise SearchError(f"no training row has {' or '.join(training.tokens)}")
    rows = {"training": training, "validation": validation.to(device)}
    groups = _by_architecture(cohort.strategy, tuple(training.tokens), cohort.configs)
    sizes, notices = [len(group) * cohort.repeats for group in groups], []
    if memory is not None:
        configs = [[cohort.configs[i] for i in group] for group in groups]
        sizes, notices = at_once(
            cohort.strategy,
            configs,
            repeats=cohort.repeats,
            classes=classes,
            device=device,
            memory=memory,
            **rows,
        )
    while True:
        outcome = _outcome_or_none(cohort, groups, sizes, classes=classes, device=device, **rows)
        if outcome is not None:
            return replace(outcome, notices=[*notices, *outcome.notices])
        if max(sizes) == 1:
            raise too_large(cohort.strategy)
        sizes = [(size + 1) // 2 for size in sizes]
        notices = [*notices, f"out of memory: begun anew with {max(sizes)} members at a time"]
        _give_back(device)


def _outcome_or_none(
    cohort: Cohort,
    groups: Sequence[Sequence[int]],
    sizes: Sequence[int],
    *,
    training: Rows,
    validation: Rows,
    classes: int,
    device: str,
) -> Outcome | None:
    """None where memory ran out; what was allocated is freed when this function returns."""
    try:
        contest = _Contest(
            cohort, groups, sizes, training=training, validation=validation, classes=classes, device=device
        )
        for rung, end in enumerate(rungs(cohort.epochs, cohort.halvings)):
            contest.train(end, rung)
            if end < cohort.epochs:
                if cohort.moves is None:
                    contest.halve()
                else:
                    contest.evolve(rung, cohort.moves)
                contest.compact()
        return contest.outcome()
    except (RuntimeError, MemoryError) as error:
        if not is_lack_of_memory(error):
            raise
        return None


def _give_back(device: str) -> None:
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()


class _Contest:
    """A cohort in training: the state of each configuration, and the populations that their members are in."""

    def __init__(
        self,
        cohort: Cohort,
        groups: Sequence[Sequence[int]],
        sizes: Sequence[int],
        *,
        training: Rows,
        validation: Rows,
        classes: int,
        device: str,
    ):
        self.cohort, self.architectures = cohort, groups
        self.training, self.validation = training, validation
        self.ensembles = Ensembles(validation.target, cohort.repeats)
        self.done = 0
        self.notices: dict[str, None] = {}
        self.states = [
            TrialState.at_start(cohort.first + i, cohort.batch, config, cohort.repeats, cohort.choose_by)
            for i, config in enumerate(cohort.configs)
        ]
        self.groups: list[tuple[list[tuple[int, int]], Population]] = []
        for which, size in zip(groups, sizes, strict=True):
            ids = [(i, repeat) for i in which for repeat in range(cohort.repeats)]
            for part in np.array_split(np.arange(len(ids)), -(-len(ids) // size)):
                part_ids = [ids[k] for k in part]
                members = [
                    Member(cohort.configs[i], repeated_seed(cohort.seeds[i], repeat))
                    for i, repeat in part_ids
                ]
                population = Population(
                    cohort.strategy,
                    members,
                    dimensions=training.dimensions,
                    classes=classes,
                    layers=training.layers,
                    posteriors=training.posteriors,
                    device=device,
                )
                self.groups.append((part_ids, population))
                for i, _ in part_ids:
                    self.states[i].parameters = population.parameters

    def train(self, end: int, rung: int) -> None:
        """On to this epoch; epoch by epoch where somebody may lose patience in between."""
        stride = 1 if self.cohort.patience else end - self.done
        while self.done < end and self.groups:
            self._fit(stride, rung)
            self.done += stride
            if self.cohort.patience:
                for state in self.states:
                    state.give_up_after(self.cohort.patience)
            self.compact()
        self.done = end

    def _fit(self, epochs: int, rung: int) -> None:
        for ids, population in self.groups:
            on_scored = partial(self._score_ensembles, ids) if self.cohort.repeats > 1 else None
            curves = population.fit(
                self.training, epochs=epochs, validation=self.validation, on_scored=on_scored
            )
            self.notices |= dict.fromkeys(population.notices)
            if len(self.groups) > 1:
                population.release()  # memory is enough for one population's steps at a time (`at_once`)
            for k, (i, repeat) in enumerate(ids):
                self.states[i].record(repeat, curves, k)
                self.states[i].rung = rung
                scored = all(math.isfinite(losses[k]) for losses in curves.loss)
                if not (population.alive[k] and scored):
                    self.states[i].leave("failed", "the loss is no longer finite")

    def _score_ensembles(self, ids: Sequence[tuple[int, int]], epoch: int, logits: torch.Tensor) -> None:
        for i, scores in self.ensembles.add(ids, epoch, logits):
            self.states[i].record_ensemble(scores)

    def halve(self) -> None:
        """The lower half of those still in leaves, be they trained on or not."""
        ranked = sorted((s for s in self.states if s.status == "finished"), key=lambda s: s.trial().rank)
        for state in ranked[(len(ranked) + 1) // 2 :]:
            state.leave("stopped", "in the lower half of its rung")

    def evolve(self, rung: int, moves: dict[str, tuple[float, float]]) -> None:
        """The worst of each architecture go on from where the best are."""
        generator = seeded(self.cohort.seeds, rung)
        where = {
            place: (group, k) for group, (ids, _) in enumerate(self.groups) for k, place in enumerate(ids)
        }
        for which in self.architectures:
            running = [i for i in which if self.states[i].training]
            ranked = sorted(running, key=lambda i: self.states[i].rank_now())
            for loser, winner in succession(ranked, generator):
                config = perturbed(self.states[winner].config, moves, generator)
                self.states[loser].follow(self.states[winner], config)
                for repeat in range(self.cohort.repeats):
                    (group, k), (other, at) = where[loser, repeat], where[winner, repeat]
                    self.groups[group][1].take(k, self.groups[other][1], at)
        for ids, population in self.groups:
            population.reconfigure([self.states[i].config for i, _ in ids])

    def compact(self) -> None:
        """Only those go on that are still trained."""
        remaining = []
        for ids, population in self.groups:
            on = [k for k, (i, _) in enumerate(ids) if self.states[i].training]
            if on and len(on) < len(ids):
                population.keep(on)
            if on:
                remaining.append(([ids[k] for k in on], population))
        self.groups = remaining

    def outcome(self) -> Outcome:
        trials = [state.trial() for state in self.states]
        curves = {s.number: s.shown_curves() for s in self.states}
        return Outcome(trials, curves, resolution(self.validation.target), list(self.notices))


def resolution(target: torch.Tensor) -> float:
    """By how much one utterance of the rarest class changes the UA of rows of these classes ``[N]``."""
    counts = target.unique(return_counts=True)[1]
    return 1 / (len(counts) * int(counts.min()))


def _by_architecture(strategy: str, modalities: tuple[str, ...], configs: Sequence[dict]) -> list[list[int]]:
    keys = entry(strategy, modalities).load().architecture_keys
    groups: dict[tuple, list[int]] = {}
    for i, config in enumerate(configs):
        groups.setdefault((*(config[key] for key in keys), *common(config)), []).append(i)
    return list(groups.values())
