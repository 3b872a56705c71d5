"""How good the best of several equally good configurations looks by noise alone.

If K configurations have the same expected validation UA and differ only by normal noise with the standard deviation τ,
the best of them is expected at mean + τ e(K), where e(K) is the expected maximum of K standard normal draws (David &
Nagaraja, "Order Statistics", 2003, section 3.1). A configuration is scored by the mean over its S seeds, so that
τ² = σ² / S, with σ² the variance between seeds, pooled over configurations and folds.

The mean is over the configurations that were trained to the end, among which the choice is made. Where halving stopped
the others, these did well before, so the figure is rather too high. What it does not hold is that other validation
speakers would have ranked the configurations otherwise: the trials do not say how each speaker's utterances were
recognised.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ..artifacts.reports import ExpectedBest
from ..artifacts.search import Budget

if TYPE_CHECKING:
    import pandas as pd


def expected_best(ran: "pd.DataFrame", strategy: str, budget: Budget) -> ExpectedBest | None:
    """Estimate the best validation UA of a strategy under no effect of its hyper-parameters, the mean over the folds.

    Args:
        ran: the trials, without those that were left out.
        strategy: the one.
        budget: what it was given.

    Returns:
        The estimate; None where a configuration has one seed, where a fold has one configuration that was trained to
        the end, and with population-based training, whose configurations go on from one another's weights.
    """
    rows = ran[ran["strategy"] == strategy]
    seeds = rows[rows["status"] == "finished"].groupby(["fold", "trial"])["ua"]
    by_fold = seeds.mean().groupby("fold")
    finished = by_fold.size()
    if budget.evolve or finished.empty or finished.min() < 2 or seeds.size().min() < 2:
        return None
    noise = float(np.sqrt((seeds.var(ddof=1) / seeds.size()).mean()))
    highest = finished.map(expected_maximum)
    return ExpectedBest(
        configurations=int(rows.groupby("fold")["trial"].nunique().max()),
        finished=int(finished.max()),
        mean=float(by_fold.mean().mean()),
        noise=noise,
        expected=float((by_fold.mean() + noise * highest).mean()),
    )


@cache
def expected_maximum(count: int) -> float:
    """The expected maximum of so many standard normal draws."""
    from scipy.integrate import quad
    from scipy.special import ndtr

    def integrand(x: float) -> float:
        return float(x * count * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) * ndtr(x) ** (count - 1))

    return float(quad(integrand, -10, 10)[0])
