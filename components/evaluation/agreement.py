"""How much of the choice of a configuration is noise: whether the folds agree on which configurations are good.

Where all folds tried the same configurations, each fold ranks them by its own validation: those that were trained to
the end before those that a rung stopped, these by how far they came; among equals by UA. If the ranks hold nothing but
noise, those of two folds are unrelated: the mean over the pairs of folds of Spearman's rank correlation is 0 on
average, and the configuration that one fold chooses is in the middle on the others. The p-value is of Friedman's test
(Journal of the American Statistical Association 32, 1937), whose statistic is F (K - 1) W with Kendall's
W = (1 + (F - 1) r) / F, F folds, K configurations and r that mean correlation.

Two folds share most of their training rows, and a configuration has the same seeds on each. Both make the ranks more
alike than other speakers and other seeds would, so r is rather too high.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..artifacts.reports import FoldAgreement, StrategySearch
from ..artifacts.search import Budget, Chosen

if TYPE_CHECKING:
    import pandas as pd

ALPHA = 0.05


def agreement(
    ran: "pd.DataFrame", strategy: str, chosen: Mapping[int, Chosen], budget: Budget
) -> FoldAgreement | None:
    """How alike the folds rank a strategy's configurations.

    Args:
        ran: the trials, without those that were left out.
        strategy: the one.
        chosen: fold → the configuration that its validation chose.
        budget: what the strategy was given.

    Returns:
        None with one fold, with fewer than three configurations, where a fold's UA is the same for all, and where the
        folds did not try the same configurations (``proposals: tpe``, ``evolve``).
    """
    from scipy.stats import friedmanchisquare, rankdata

    scores = _scores(ran[ran["strategy"] == strategy], budget)
    folds, configurations = scores.shape
    same = budget.proposals != "tpe" and not budget.evolve and not scores.isna().any(axis=None)
    if not same or folds < 2 or configurations < 3 or (scores.nunique(axis=1) == 1).any():
        return None
    ranks = rankdata(-scores.to_numpy(), axis=1)  # 1 is the best
    correlations = np.corrcoef(ranks)[np.triu_indices(folds, 1)]
    place = {fold: k for k, fold in enumerate(scores.index)}
    elsewhere = [
        ranks[k, scores.columns.get_loc(choice.trial)]
        for fold, choice in chosen.items()
        for k in range(folds)
        if k != place[fold]
    ]
    return FoldAgreement(
        configurations=configurations,
        folds=folds,
        correlation=float(correlations.mean()),
        p=float(friedmanchisquare(*ranks.T).pvalue),
        rank=float(np.mean(elsewhere)),
        by_chance=(configurations + 1) / 2,
    )


def _scores(rows: "pd.DataFrame", budget: Budget) -> "pd.DataFrame":
    """What each fold ranks each configuration by ``[F, K]``: higher is better; lowest where it failed."""
    ua = rows["ua"] if budget.choose_by == "mean" else rows["ensemble_ua"]
    went = rows["rung"].where(rows["status"] == "stopped", len(budget.rungs))  # impatience is no stop
    score = (2.0 * went + ua).where(rows["status"] != "failed", -1.0)
    return rows.assign(score=score).pivot_table(index="fold", columns="trial", values="score", aggfunc="mean")


def reading(searched: StrategySearch) -> str:
    """What it means, in a sentence or two; nothing where nothing can be said.

    Args:
        searched: of one strategy.
    """
    said = []
    if found := searched.agreement:
        verdict = "more alike than noise" if found.p < ALPHA else "not shown to be more alike than noise"
        said.append(
            f"the folds rank its {found.configurations} configurations {verdict} would (mean rank correlation "
            f"{found.correlation:.2f}, of pure noise 0; p = {found.p:.2g}); what one fold chooses is number "
            f"{found.rank:.1f} on the others on average, by chance {found.by_chance:.1f}".replace("-", "−")
        )
    if searched.undecided:
        said.append(
            f"on {searched.undecided} of {len(searched.validation.folds)} folds UA did not tell the best apart, and "
            "lower loss, then fewer parameters decided"
        )
    return "; ".join(said)
