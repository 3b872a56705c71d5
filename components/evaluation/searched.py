"""What the search did, read from its tables: the budget, validation figures and learning curves."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..artifacts.reports import Epochs, LearningCurve, Search, StrategySearch, TrialCounts, Validation
from ..artifacts.search import TRIALS, Best, Budget, Chosen
from ..errors import EvaluationError, listed
from ..schema import BASELINES
from .agreement import agreement
from .expected_best import expected_best

if TYPE_CHECKING:
    import pandas as pd

LEFT_OUT = "left out"
PROPOSED = {
    "spread": "spread evenly over its space",
    "random": "drawn at random",
    "tpe": "proposed by a tree-structured Parzen estimator",
}


def described(trials: "pd.DataFrame", curves: "pd.DataFrame", best: Best) -> Search:
    """Summarise the search for ``metrics.json``.

    Args:
        trials: one row per strategy, configuration, seed and fold (see `artifacts.search.TRIALS`).
        curves: of the chosen configurations alone (`chosen_curves`).
        best: what the search chose.

    Returns:
        The budget that was spent, whether every strategy had the same, and each strategy's validation figures.

    Raises:
        EvaluationError: a choice is no trial of the search.
    """
    ran = trials[trials["status"] != LEFT_OUT]
    counts = trials["status"].value_counts()
    departures = unequal(ran, best.budget)
    return Search(
        statement=statement(ran, best.budget, departures),
        equal=not departures,
        departures=departures,
        trials=TrialCounts(
            total=len(trials),
            finished=int(counts.get("finished", 0)),
            stopped=int(counts.get("stopped", 0)),
            failed=int(counts.get("failed", 0)),
            left_out=int(counts.get(LEFT_OUT, 0)),
        ),
        epochs=Epochs(trained=int(ran["epochs"].sum()), possible=len(ran) * best.budget.epochs),
        strategies={
            name: StrategySearch(
                trials=int((trials["strategy"] == name).sum()),
                failed=int(((trials["strategy"] == name) & (trials["status"] == "failed")).sum()),
                epochs_trained=int(ran.loc[ran["strategy"] == name, "epochs"].sum()),
                validation=validation(ran, name, choice.folds),
                expected_best=None if name in BASELINES else expected_best(ran, name, best.budget),
                agreement=None if name in BASELINES else agreement(ran, name, choice.folds, best.budget),
                undecided=sum(each.decision.by != "ua" for each in choice.folds.values()),
                curve=learning(curves[curves["strategy"] == name]),
            )
            for name, choice in sorted(best.strategies.items())
        },
    )


def unequal(ran: "pd.DataFrame", budget: Budget) -> list[str]:
    """Where the trials that ran are not what the budget says.

    Args:
        ran: the trials, without those that were left out.
        budget: what every strategy was given on each fold.

    Returns:
        One phrase per departure; empty where every strategy had the same.
    """
    found, seeds = [], set(ran["seed"])
    for (name, fold), rows in ran[~ran["strategy"].isin(BASELINES)].groupby(["strategy", "fold"]):
        configurations = rows["trial"].nunique()
        if configurations != budget.configurations:
            found.append(
                f"{name} had {configurations} of {budget.configurations} configurations on fold {fold}"
            )
        common = set.intersection(*rows.groupby("trial")["seed"].apply(set))
        if common != seeds or len(seeds) != budget.seeds:
            stated = max(budget.seeds, len(seeds))
            found.append(f"{name} had {len(common)} of {stated} seeds on fold {fold}")
        ended = rows.loc[rows["status"] == "finished", "epochs"]
        if (rows["epochs"] > budget.epochs).any():
            found.append(f"{name} had {int(rows['epochs'].max())} of {budget.epochs} epochs on fold {fold}")
        elif not budget.patience and (ended < budget.epochs).any():
            found.append(f"{name} ended after {int(ended.min())} of {budget.epochs} epochs on fold {fold}")
    expected = {(name, fold) for name in ran["strategy"].unique() for fold in ran["fold"].unique()}
    lacking = sorted(expected - set(zip(ran["strategy"], ran["fold"], strict=True)))
    return found + [f"{name} had no trial on fold {fold}" for name, fold in lacking]


def statement(ran: "pd.DataFrame", budget: Budget, departures: list[str]) -> str:
    """The budget in one sentence, as the tables record it.

    Args:
        ran: the trials, without those that were left out.
        budget: what every strategy was given on each fold.
        departures: see `unequal`.
    """
    if departures:
        return f"Not every strategy had the same budget: {listed(departures)}."
    rungs = " and ".join(str(end) for end in budget.rungs[:-1])
    way = (
        "the lower quarter going on as changed copies of the upper"
        if budget.evolve
        else "the better half going on"
    )
    return (
        f"Every strategy had the same: {_many(budget.configurations, 'configuration')} "
        f"({PROPOSED[budget.proposals]}"
        + (f" in {budget.batches} batches" if budget.batches > 1 else "")
        + f") × {_many(budget.seeds, 'seed')} on each of {_many(ran['fold'].nunique(), 'fold')}, up to "
        + f"{_many(budget.epochs, 'epoch')} each"
        + (f", {way} after epoch{'s' * (len(budget.rungs) > 2)} {rungs}" if rungs else "")
        + (f", ended by {_many(budget.patience, 'epoch')} without gain" if budget.patience else "")
        + "."
    )


def validation(ran: "pd.DataFrame", strategy: str, chosen: Mapping[int, Chosen]) -> Validation:
    """Validation UA of a strategy's choices: mean and standard deviation (ddof 1) over the folds and seeds.

    They were chosen for it, so it is too high; it is no estimate of what the test will say. Each seed is scored on its
    own, whatever the choice is by.

    Args:
        ran: the trials, without those that were left out.
        strategy: whose choices these are.
        chosen: fold → the configuration that its validation chose.

    Raises:
        EvaluationError: a choice is no trial of the search.
    """
    values = []
    for fold, choice in sorted(chosen.items()):
        rows = ran[(ran["strategy"] == strategy) & (ran["fold"] == fold) & (ran["trial"] == choice.trial)]
        if rows.empty:
            raise EvaluationError(
                f"{strategy}, fold {fold}: the choice is trial {choice.trial}, which {TRIALS.path()} lacks; run the "
                "stage `search` again"
            )
        values.append(rows.sort_values("seed")["ua"].tolist())
    flat = [value for row in values for value in row]
    mean = sum(flat) / len(flat)
    spread = (sum((value - mean) ** 2 for value in flat) / (len(flat) - 1)) ** 0.5 if len(flat) > 1 else None
    return Validation(ua=mean, sd=spread, folds=values)


def chosen_curves(curves: "pd.DataFrame", best: Best) -> "pd.DataFrame":
    """The learning curves of the chosen trial of each strategy and fold, sorted by strategy, fold, seed, epoch.

    Args:
        curves: strategy, fold, trial, seed, epoch, train_loss, loss, wa, ua (see `artifacts.search.CURVES`).
        best: what the search chose.
    """
    import pandas as pd

    chosen = pd.DataFrame(
        [
            (name, fold, chosen.trial)
            for name, choice in sorted(best.strategies.items())
            for fold, chosen in choice.folds.items()
        ],
        columns=["strategy", "fold", "trial"],
    )
    return curves.merge(chosen, on=["strategy", "fold", "trial"]).sort_values(
        ["strategy", "fold", "seed", "epoch"], ignore_index=True
    )


def learning(curves: "pd.DataFrame") -> LearningCurve:
    """A strategy's learning curve on validation.

    Args:
        curves: of the strategy's chosen configurations; may be empty.

    Returns:
        At each epoch mean and standard deviation (ddof 1; None for one value), and how many folds and seeds they are
        over: fewer at later epochs, where some ended earlier.
    """
    by_epoch = curves.groupby("epoch")
    ua, loss = by_epoch["ua"], by_epoch["loss"]
    return LearningCurve(
        epoch=[int(epoch) for epoch in by_epoch.groups],
        curves=by_epoch.size().tolist(),
        ua=_rounded(ua.mean()),
        ua_sd=_rounded(ua.std()),
        loss=_rounded(loss.mean()),
        loss_sd=_rounded(loss.std()),
    )


def _rounded(values: "pd.Series") -> list[float | None]:
    return [None if value != value else round(float(value), 6) for value in values]


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"
