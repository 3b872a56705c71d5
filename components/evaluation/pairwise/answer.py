"""A comparison in words: which is better, by how much, and whether that may be chance."""

from ...artifacts.reports import Interval, Variation
from ..comparison import ALPHA


def sentence(
    difference: Interval,
    *,
    p: float,
    least_p: float,
    speakers: int,
    same: bool,
    folds: Variation | None,
) -> str:
    """One sentence on the test speakers, and one on the folds where they are the same.

    The difference counts as shown where the interval excludes 0 and the permutation test rejects; where only one of
    the two does, it is undecided.

    Args:
        difference: of UA, B minus A.
        p, least_p: of the sign-flip test, and the smallest that it can give.
        speakers: how many are tested.
        same: whether all predictions are the same.
        folds: the difference over folds and seeds.
    """
    if same:
        return "A and B predict the same emotion for every utterance."
    found = f"{_which(difference.mean)}{_bounds(difference)}; {_chance(difference, p, least_p, speakers)}."
    return f"{found} {_other_training(folds)}".strip()


def points(value: float) -> str:
    """A difference in points with its sign: ``+1.2``."""
    return f"{100 * value:+z.1f}".replace("-", "−")


def _which(difference: float) -> str:
    if abs(difference) < 5e-4:
        return "A and B have the same UA to a tenth of a point"
    better = "B" if difference > 0 else "A"
    return f"{better} is better by {100 * abs(difference):.1f} points of UA"


def _bounds(difference: Interval) -> str:
    """The interval, in the direction of what is better: that of A minus B where A is."""
    if difference.low is None or difference.high is None:
        return ""
    low, high = difference.low, difference.high
    if difference.mean <= -5e-4:
        low, high = -high, -low
    return f" ({points(low)} to {points(high)})"


def _chance(difference: Interval, p: float, least_p: float, speakers: int) -> str:
    if difference.low is None or difference.high is None:
        return f"no interval can be given from {speakers} speaker{'s' * (speakers != 1)}, so it may be chance"
    if least_p >= ALPHA:
        return f"{speakers} speakers are too few for any difference to be shown"
    excludes = difference.low > 0 or difference.high < 0
    if excludes and p < ALPHA:
        return f"with {speakers} speakers that is more than chance (p = {p:.2g})"
    if excludes != (p < ALPHA):
        return f"the interval and the permutation test (p = {p:.2g}) disagree, so take it as undecided"
    return f"with these {speakers} speakers that may be chance (p = {p:.2g})"


def _other_training(folds: Variation | None) -> str:
    if folds is None or folds.low is None or folds.high is None or folds.p is None:
        return ""
    shown = "more than chance" if folds.p < ALPHA else "not more than chance"
    return (
        f"Over the {folds.n} {folds.over}, each seed on its own, B − A is {points(folds.mean)} "
        f"({points(folds.low)} to {points(folds.high)}), which is {shown} (p = {folds.p:.2g})."
    )
