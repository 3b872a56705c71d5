"""Outcomes of cohorts as tables, and the choice that validation makes."""

import json
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from ..artifacts.search import CURVES, TRIALS, Best, Budget, Chosen, Scores, StrategyChoice
from ..errors import SearchError, listed
from ..schema import BASELINES
from .outcome import Outcome, Trial

if TYPE_CHECKING:
    import pandas as pd

MEASURED = ("train_loss", "loss", "wa", "ua")
"""What a learning curve has at each epoch."""

Outcomes = Mapping[tuple[str, int], Outcome]
"""``{(strategy, fold): outcome}``."""


def trials_table(
    outcomes: Outcomes, *, absent: Mapping[str, str], count: int, folds: Sequence[int], seeds: int
) -> "pd.DataFrame":
    """One row per configuration and seed.

    ``seed`` counts a configuration's seeds from 0. Status and best epoch are the configuration's; the scores are the
    seed's own at that epoch.

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
            settings = (_json(t.config), _json(t.schedule) if t.schedule else None)
            way = (t.parameters, t.rung, t.epochs, t.status, t.reason)
            for seed, s in enumerate(t.scores):
                rows.append(
                    (
                        strategy,
                        fold,
                        t.batch,
                        t.trial,
                        seed,
                        *settings,
                        *way,
                        s.wa,
                        s.ua,
                        s.loss,
                        t.best_epoch,
                    )
                )
    for strategy, reason in absent.items():
        empty = ("{}", None, None, 0, 0, "left out", reason, None, None, None, None)
        rows += [
            (strategy, fold, 0, trial, seed, *empty)
            for fold in folds
            for trial in range(count)
            for seed in range(seeds)
        ]
    table = pd.DataFrame(rows, columns=list(TRIALS.columns)).sort_values(
        ["strategy", "fold", "trial", "seed"], ignore_index=True
    )
    floats = {name: "float64" for name in ("wa", "ua", "loss")}
    return table.astype(floats | {"best_epoch": "Int64", "parameters": "Int64", "schedule": "string"})


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
    strategies: dict[str, StrategyChoice] = {}
    folds = sorted({fold for _, fold in outcomes})
    for name in sorted({strategy for strategy, _ in outcomes}):
        chosen = {fold: _chosen(name, fold, outcomes[name, fold]) for fold in folds}
        mean = {
            key: round(sum(getattr(each.validation, key) for each in chosen.values()) / len(chosen), 6)
            for key in ("wa", "ua", "loss")
        }
        strategies[name] = StrategyChoice(
            folds=chosen,
            validation=Scores(**mean),
            parameters=max(each.parameters for each in chosen.values()),
            across_folds=best_across_folds([outcomes[name, fold] for fold in folds]),
        )
    if set(strategies) <= set(BASELINES):
        raise SearchError(
            f"there is nothing to choose from: {listed(f'{n}: {why}' for n, why in absent.items())}"
        )
    return Best(
        strategies=strategies,
        best=_first(strategies),
        per_fold_best={
            fold: _first({name: choice.folds[fold] for name, choice in strategies.items()}) for fold in folds
        },
        left_out=dict(sorted(absent.items())),
        modalities=list(modalities),
        posteriors=[name for name in modalities if name in posteriors],
        budget=budget.model_copy(update={"failed": sum(map(len, failures(outcomes).values()))}),
    )


def _chosen(name: str, fold: int, outcome: Outcome) -> Chosen:
    best = outcome.best()
    if best is None:
        reasons = sorted({t.reason for t in outcome.trials if t.status == "failed"})
        raise SearchError(
            f"{name}: every configuration failed on fold {fold} ({listed(reasons)}); "
            "look at the features, or leave the strategy out of params.yaml"
        )
    return Chosen(
        trial=best.trial,
        config=best.config,
        schedule=best.schedule,
        parameters=best.parameters,
        epochs=best.best_epoch,
        fitted=best.fitted,
        validation=Scores(wa=best.wa, ua=best.ua, loss=best.loss),
    )


def best_across_folds(outcomes: Sequence[Outcome]) -> Chosen | None:
    """The configuration of highest mean validation UA over the folds; ties by lower loss, then by fewer parameters.

    A fold that stopped a configuration at a rung counts with what it had reached there; one that failed on a fold, or
    that no fold trained to the end, is not chosen.

    Returns:
        As a fold's choice, with the median of the epochs and the mean of ``fitted`` over the folds
        that trained it to the end. None where the folds did not try the same configurations (``proposals: tpe``,
        ``evolve``).
    """
    tried = [[(t.trial, t.config, t.schedule) for t in outcome.trials] for outcome in outcomes]
    if any(t.schedule for t in outcomes[0].trials) or any(each != tried[0] for each in tried):
        return None
    candidates = [
        trials
        for trials in zip(*(outcome.trials for outcome in outcomes), strict=True)
        if all(t.status != "failed" for t in trials) and any(t.status == "finished" for t in trials)
    ]
    if not candidates:
        return None
    trials = min(
        candidates,
        key=lambda trials: (
            -_mean(trials, "ua"),
            _mean(trials, "loss"),
            trials[0].parameters,
            trials[0].trial,
        ),
    )
    finished = [t for t in trials if t.status == "finished"]
    return Chosen(
        trial=trials[0].trial,
        config=trials[0].config,
        schedule=[],
        parameters=trials[0].parameters,
        epochs=max(1, round(median(t.best_epoch for t in finished))),
        fitted={
            name: np.mean([t.fitted[name] for t in finished], axis=0).tolist() for name in finished[0].fitted
        },
        validation=Scores(**{key: _mean(trials, key) for key in ("wa", "ua", "loss")}),
    )


def _mean(trials: Sequence[Trial], key: str) -> float:
    return round(sum(getattr(t, key) for t in trials) / len(trials), 6)


def failures(outcomes: Outcomes) -> dict[tuple[str, int], list[int]]:
    """The numbers of the trials that failed, by strategy and fold."""
    failed = {
        key: [t.trial for t in outcome.trials if t.status == "failed"] for key, outcome in outcomes.items()
    }
    return {key: trials for key, trials in failed.items() if trials}


def _first(choices: Mapping[str, StrategyChoice] | Mapping[str, Chosen]) -> str:
    """The name of highest UA, a baseline only where there is nothing else; ties by lower loss, then by fewer
    parameters, then by name."""

    def rank(name: str) -> tuple[bool, float, float, int, str]:
        choice = choices[name]
        return (name in BASELINES, -choice.validation.ua, choice.validation.loss, choice.parameters, name)

    return min(choices, key=rank)
