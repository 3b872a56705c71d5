"""UA or R² of a block's probes, those of the control task, and the selectivity, with intervals over speakers."""

import numpy as np

from ...artifacts.reports import Interval
from .. import intervals
from ..metrics import confusion_by, ua
from .findings import Probed
from .probe import Predictions
from .targets import Target


def figures_of(target: Target, predictions: Predictions, speakers: np.ndarray) -> Probed | None:
    """The figures of one block and target.

    Args:
        target: what was predicted.
        predictions: of its test rows.
        speakers: of the N utterances, their codes; -1 where unknown.

    Returns:
        The figures; None where a number is the same for all test rows, so that R² is not defined.
    """
    row = predictions.row
    known = speakers[row]
    groups = np.unique(known, return_inverse=True)[1] if target.speaker_disjoint else np.zeros(len(row), int)
    pairs = ((target.values[row], predictions.target), (predictions.dealt, predictions.control))
    if target.is_class:
        count, classes = groups.max() + 1, len(target.classes)
        sums = [confusion_by(groups, true, said, groups=count, classes=classes) for true, said in pairs]
        figure, control = (intervals.of_figure(ua, each) for each in sums)
        selectivity = intervals.of_difference(ua, *sums)
    else:
        sums = [_sums(groups, true, said) for true, said in pairs]
        if any(np.ptp(true) == 0 for true, _ in pairs):
            return None
        figure, control = (_of_r2(each) for each in sums)
        selectivity = intervals.of_signed(
            lambda both: r2(both[..., 0, :]) - r2(both[..., 1, :]), np.stack(sums, axis=1), bound=np.inf
        )
    return Probed(
        figure=figure,
        control=control,
        selectivity=selectivity,
        utterances=len(np.unique(row)),
        speakers=len(np.unique(known[known >= 0])),
    )


def r2(sums: np.ndarray) -> np.ndarray:
    """The coefficient of determination: 1 - squared error / squared deviation from the mean of the test rows.

    Args:
        sums: ``[..., 4]``: of 1, y, y² and (y - predicted)² over utterances.

    Returns:
        ``[...]``, at most 1; NaN where y does not vary.
    """
    count, total, squares, error = np.moveaxis(sums, -1, 0)
    spread = squares - total**2 / count
    share = np.divide(error, spread, out=np.full(np.shape(error), np.nan), where=spread > 0)
    return np.asarray(1 - share)


def _sums(groups: np.ndarray, true: np.ndarray, said: np.ndarray) -> np.ndarray:
    """What `r2` takes, of each group, ``[G, 4]``. R² does not change where a constant is taken from y."""
    y = true - true.mean()
    sums = np.zeros((groups.max() + 1, 4))
    np.add.at(sums, groups, np.stack([np.ones_like(y), y, y * y, (true - said) ** 2], axis=1))
    return sums


def _of_r2(sums: np.ndarray) -> Interval:
    interval = intervals.of_signed(r2, sums, bound=np.inf)
    if interval.high is None:
        return interval
    return interval.model_copy(update={"high": min(interval.high, 1.0)})
