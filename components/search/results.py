"""Outcomes of cohorts as tables, and the choice that validation makes."""

import json
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from ..artifacts.search import (
    CURVES,
    TRIALS,
    Best,
    Budget,
    Chosen,
    Decision,
    OtherChoice,
    Scores,
    StrategyChoice,
)
from ..errors import SearchError, listed
from ..schema import BASELINES, ChooseBy
from .choice import Candidate, first
from .outcome import Outcome, Peak

if TYPE_CHECKING:
    import pandas as pd

MEASURED = ("train_loss", "loss", "wa", "ua")
"""What a learning curve has at each epoch."""
SCORES = ("wa", "ua", "loss")

Outcomes = Mapping[tuple[str, int], Outcome]
"""``{(strategy, fold): outcome}``."""


def trials_table(
    outcomes: Outcomes, *, absent: Mapping[str, str], count: int, folds: Sequence[int], seeds: int
) -> "pd.DataFrame":
    """One row per configuration and seed.

    ``seed`` counts a configuration's seeds from 0. ``config`` is as it was at the epoch that the rule chooses.

    Args:
        outcomes: of all strategies and folds that were searched.
        absent: strategy → why nothing was searched for it; its rows have the status "left out" and this reason.
        count: configurations per strategy and fold.
        folds: their numbers.
        seeds: per configuration.

    Returns:
        The columns of `artifacts.search.TRIALS`, sorted.
    """
    import pandas as pd

    rows = []
    for (strategy, fold), outcome in outcomes.items():
        for t in outcome.trials:
            settings = (_json(t.peak.config), _json(t.schedule) if t.schedule else None)
            way = (t.parameters, t.rung, t.epochs, t.status, t.reason)
            ensemble = (t.ensemble.wa, t.ensemble.ua, t.ensemble.loss, t.ensemble.epoch)
            for seed, s in enumerate(t.scores):
                own = (s.wa, s.ua, s.loss, t.mean.epoch)
                rows.append((strategy, fold, t.batch, t.trial, seed, *settings, *way, *own, *ensemble))
    for strategy, reason in absent.items():
        empty = ("{}", None, None, 0, 0, "left out", reason, *(None,) * 8)
        rows += [
            (strategy, fold, 0, trial, seed, *empty)
            for fold in folds
            for trial in range(count)
            for seed in range(seeds)
        ]
    table = pd.DataFrame(rows, columns=list(TRIALS.columns)).sort_values(
        ["strategy", "fold", "trial", "seed"], ignore_index=True
    )
    floats = {prefix + name: "float64" for prefix in ("", "ensemble_") for name in SCORES}
    whole = {name: "Int64" for name in ("best_epoch", "ensemble_epoch", "parameters")}
    return table.astype(floats | whole | {"schedule": "string"})


def curves_table(outcomes: Outcomes) -> "pd.DataFrame":
    """One row per configuration, seed and epoch (from 1): the columns of `artifacts.search.CURVES`, sorted."""
    import pandas as pd

    rows = [
        (strategy, fold, trial, seed, epoch + 1, *(curve[name][epoch] for name in MEASURED))
        for (strategy, fold), outcome in outcomes.items()
        for trial, curves in outcome.curves.items()
        for seed, curve in enumerate(curves)
        for epoch in range(len(curve["loss"]))
    ]
    table = pd.DataFrame(rows, columns=list(CURVES.columns))
    table = table.astype({name: "float64" for name in MEASURED})
    return table.sort_values(["strategy", "fold", "trial", "seed", "epoch"], ignore_index=True)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def choose(
    outcomes: Outcomes,
    *,
    absent: Mapping[str, str],
    modalities: Sequence[str],
    budget: Budget,
    posteriors: Sequence[str] = (),
) -> Best:
    """Each strategy's choice on each fold, and the strategies that validation puts first.

    Args:
        outcomes: of all strategies and folds that were searched.
        absent: strategy → why nothing was searched for it.
        modalities: those that every fold can train on.
        budget: what every strategy was given; ``failed`` is counted here.
        posteriors: those modalities that are class probabilities of a model of others.

    Raises:
        SearchError: a strategy whose trials all failed on a fold, or nothing to choose from.
    """
    strategies = _strategies(outcomes)
    if set(strategies) <= set(BASELINES):
        raise SearchError(
            f"there is nothing to choose from: {listed(f'{n}: {why}' for n, why in absent.items())}"
        )
    best, decision = _first(strategies)
    per_fold = _per_fold(strategies)
    return Best(
        strategies=strategies,
        best=best,
        decision=decision,
        per_fold_best={fold: name for fold, (name, _) in per_fold.items()},
        per_fold_decision={fold: decision for fold, (_, decision) in per_fold.items()},
        other=_other(outcomes, budget.choose_by) if budget.seeds > 1 else None,
        left_out=dict(sorted(absent.items())),
        modalities=list(modalities),
        posteriors=[name for name in modalities if name in posteriors],
        budget=budget.model_copy(update={"failed": sum(map(len, failures(outcomes).values()))}),
    )


def _strategies(outcomes: Outcomes) -> dict[str, StrategyChoice]:
    """Each strategy's choices."""
    strategies = {}
    folds = sorted({fold for _, fold in outcomes})
    for name in sorted({strategy for strategy, _ in outcomes}):
        chosen = {fold: _chosen(name, fold, outcomes[name, fold]) for fold in folds}
        strategies[name] = StrategyChoice(
            folds=chosen,
            validation=_mean([each.validation for each in chosen.values()]),
            parameters=max(each.parameters for each in chosen.values()),
            across_folds=best_across_folds([outcomes[name, fold] for fold in folds]),
        )
    return strategies


def _per_fold(strategies: Mapping[str, StrategyChoice]) -> dict[int, tuple[str, Decision]]:
    """The strategy that each fold's validation puts first."""
    folds = next(iter(strategies.values())).folds
    return {fold: _first({name: choice.folds[fold] for name, choice in strategies.items()}) for fold in folds}


def _other(outcomes: Outcomes, choose_by: ChooseBy) -> OtherChoice:
    """What the other rule than this would have chosen."""
    other: ChooseBy = "ensemble" if choose_by == "mean" else "mean"
    strategies = _strategies({key: outcome.by(other) for key, outcome in outcomes.items()})
    first = {fold: name for fold, (name, _) in _per_fold(strategies).items()}
    return OtherChoice(
        choose_by=other,
        per_fold_best=first,
        folds={fold: strategies[name].folds[fold] for fold, name in first.items()},
    )


def _chosen(name: str, fold: int, outcome: Outcome) -> Chosen:
    finished = {t.trial: t for t in outcome.trials if t.status == "finished"}
    if not finished:
        reasons = sorted({t.reason for t in outcome.trials if t.status == "failed"})
        raise SearchError(
            f"{name}: every configuration failed on fold {fold} ({listed(reasons)}); "
            "look at the features, or leave the strategy out of params.yaml"
        )
    number, decision = first(
        [Candidate(n, t.peak.ua, t.peak.loss, t.parameters) for n, t in finished.items()], outcome.resolution
    )
    best = finished[number]
    return Chosen(
        trial=best.trial,
        config=best.peak.config,
        schedule=best.schedule,
        parameters=best.parameters,
        epochs=best.peak.epoch,
        fitted=best.peak.fitted,
        validation=_scores(best.peak),
        other=_scores(best.other) if len(best.scores) > 1 else None,
        decision=decision,
    )


def best_across_folds(outcomes: Sequence[Outcome]) -> Chosen | None:
    """The configuration that is first by its mean validation scores over the folds, see `choice.first`.

    A fold that stopped a configuration at a rung counts with what it had reached there; one that failed on a fold, or
    that no fold trained to the end, is not chosen.

    Returns:
        As a fold's choice, with the median of the epochs and the mean of ``fitted`` over the folds
        that trained it to the end. None where the folds did not try the same configurations (``proposals: tpe``,
        ``evolve``).
    """
    tried = [[(t.trial, t.peak.config, t.schedule) for t in outcome.trials] for outcome in outcomes]
    if any(t.schedule for t in outcomes[0].trials) or any(each != tried[0] for each in tried):
        return None
    candidates = {
        trials[0].trial: trials
        for trials in zip(*(outcome.trials for outcome in outcomes), strict=True)
        if all(t.status != "failed" for t in trials) and any(t.status == "finished" for t in trials)
    }
    if not candidates:
        return None
    means = {number: _mean([_scores(t.peak) for t in trials]) for number, trials in candidates.items()}
    number, decision = first(
        [Candidate(n, each.ua, each.loss, candidates[n][0].parameters) for n, each in means.items()],
        min(outcome.resolution for outcome in outcomes) / len(outcomes),  # one utterance of one fold
    )
    trials = candidates[number]
    finished = [t for t in trials if t.status == "finished"]
    return Chosen(
        trial=number,
        config=trials[0].peak.config,
        schedule=[],
        parameters=trials[0].parameters,
        epochs=max(1, round(median(t.peak.epoch for t in finished))),
        fitted={
            name: np.mean([t.peak.fitted[name] for t in finished], axis=0).tolist()
            for name in finished[0].peak.fitted
        },
        validation=means[number],
        other=_mean([_scores(t.other) for t in trials]) if len(trials[0].scores) > 1 else None,
        decision=decision,
    )


def _scores(peak: Peak) -> Scores:
    return Scores(wa=peak.wa, ua=peak.ua, loss=peak.loss)


def _mean(scores: Sequence[Scores]) -> Scores:
    return Scores(
        **{name: round(sum(getattr(each, name) for each in scores) / len(scores), 6) for name in SCORES}
    )


def failures(outcomes: Outcomes) -> dict[tuple[str, int], list[int]]:
    """The numbers of the trials that failed, by strategy and fold."""
    failed = {
        key: [t.trial for t in outcome.trials if t.status == "failed"] for key, outcome in outcomes.items()
    }
    return {key: trials for key, trials in failed.items() if trials}


def _first(choices: Mapping[str, StrategyChoice] | Mapping[str, Chosen]) -> tuple[str, Decision]:
    """The strategy that comes first, see `choice.first`, in the order of their names. A baseline never does."""
    return first(
        [
            Candidate(name, each.validation.ua, each.validation.loss, each.parameters)
            for name, each in sorted(choices.items())
            if name not in BASELINES
        ],
        resolution=0.0,
    )
