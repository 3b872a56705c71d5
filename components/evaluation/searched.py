"""What the search did, read from its tables: the budget that was spent, and whether every strategy had the same; what
validation said of each strategy's choice; its learning curve."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..artifacts.search import Best, Budget, Chosen
from ..errors import EvaluationError, listed
from ..schema import BASELINES

if TYPE_CHECKING:
    import pandas as pd

LEFT_OUT = "left out"
STATUSES = ("finished", "stopped", "failed", LEFT_OUT)
CURVES = ("ua", "loss")
PROPOSED = {
    "spread": "spread evenly over its space",
    "random": "drawn at random",
    "tpe": "proposed by a tree-structured Parzen estimator",
}


def described(trials: "pd.DataFrame", curves: "pd.DataFrame", best: Best) -> dict[str, Any]:
    """What ``metrics.json`` holds of the search.

    Args:
        trials: a row a configuration, seed and fold (see ``data/search/trials.parquet``).
        curves: of the chosen configurations alone (`chosen_curves`).
        best: what the search chose.

    Raises:
        EvaluationError: where a choice is no trial of the search.
    """
    ran = trials[trials["status"] != LEFT_OUT]
    counts = trials["status"].value_counts()
    departures = unequal(ran, best.budget)
    return {
        "statement": statement(ran, best.budget, departures),
        "equal": not departures,
        "departures": departures,
        "trials": {"total": len(trials)} | {name: int(counts.get(name, 0)) for name in STATUSES},
        "epochs": {"trained": int(ran["epochs"].sum()), "possible": len(ran) * best.budget.epochs},
        "strategies": {
            name: {
                "trials": int((trials["strategy"] == name).sum()),
                "failed": int(((trials["strategy"] == name) & (trials["status"] == "failed")).sum()),
                "epochs_trained": int(ran.loc[ran["strategy"] == name, "epochs"].sum()),
                "validation": validation(ran, name, choice.folds),
                "curve": learning(curves[curves["strategy"] == name]),
            }
            for name, choice in sorted(best.strategies.items())
        },
    }


def unequal(ran: "pd.DataFrame", budget: Budget) -> list[str]:
    """Where the trials that ran are not what the budget says; nothing where every strategy had the same."""
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
    """One sentence on what every strategy had, true of what the tables record."""
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


def validation(ran: "pd.DataFrame", strategy: str, chosen: Mapping[int, Chosen]) -> dict[str, Any]:
    """Validation UA of a strategy's choices: mean and standard deviation (ddof 1) over the folds and seeds.

    They were chosen for it, so it is too high; it is no estimate of what the test will say.
    """
    values = []
    for fold, choice in sorted(chosen.items()):
        rows = ran[(ran["strategy"] == strategy) & (ran["fold"] == fold) & (ran["trial"] == choice.trial)]
        if rows.empty:
            raise EvaluationError(
                f"{strategy}, fold {fold}: the choice is trial {choice.trial}, which data/search/trials.parquet "
                "lacks; run the stage `search` again"
            )
        values.append(rows.sort_values("seed")["ua"].tolist())
    flat = [value for row in values for value in row]
    mean = sum(flat) / len(flat)
    spread = (sum((value - mean) ** 2 for value in flat) / (len(flat) - 1)) ** 0.5 if len(flat) > 1 else None
    return {"ua": mean, "sd": spread, "folds": values}


def chosen_curves(curves: "pd.DataFrame", best: Best) -> "pd.DataFrame":
    """The learning curves of the chosen trial of each strategy and fold, sorted by strategy, fold, seed, epoch.

    Args:
        curves: strategy, fold, trial, seed, epoch, train_loss, loss, wa, ua (see ``data/search/curves.parquet``).
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


def learning(curves: "pd.DataFrame") -> dict[str, list]:
    """A strategy's learning curve on validation: at each epoch mean and standard deviation (ddof 1; None for one).

    ``curves`` says how many (fold, seed) are in it: fewer, where some ended earlier.
    """
    if curves.empty:
        return {"epoch": [], "curves": []} | {f"{name}{end}": [] for name in CURVES for end in ("", "_sd")}
    by_epoch = curves.groupby("epoch")
    result = {"epoch": [int(epoch) for epoch in by_epoch.groups], "curves": by_epoch.size().tolist()}
    for name in CURVES:
        result[name] = _rounded(by_epoch[name].mean())
        result[f"{name}_sd"] = _rounded(by_epoch[name].std())
    return result


def _rounded(values: "pd.Series") -> list[float | None]:
    return [None if value != value else round(float(value), 6) for value in values]


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"
