"""Learning curves of simulated annotators, with intervals over the test speakers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...artifacts.document import Part
from ...artifacts.folds import Folds
from ...artifacts.reports import Interval
from .. import intervals
from ..metrics import confusion_by, ua
from .acquisition import RANDOM
from .annotator import Answers
from .plan import Simulation

if TYPE_CHECKING:
    import pandas as pd


class AgainstRandom(Part):
    """An acquisition function less the control: the same folds, starts, test utterances and numbers of labels.

    Attributes:
        ua: at each number of labelled clips, paired by speaker.
        area: of the areas under the learning curves, likewise.
        by_start: the difference of the areas for each drawn start alone.
    """

    ua: list[Interval]
    area: Interval
    by_start: list[float]


class LearningCurve(Part):
    """One acquisition function's.

    Attributes:
        ua: at each number of labelled clips, the mean over the starts, the interval over the test speakers.
        area: under the curve over its width: the mean UA on the way from the first to the last number of clips.
        against_random: None of the control itself.
    """

    ua: list[Interval]
    area: Interval
    against_random: AgainstRandom | None


class LearningCurves(Part):
    """What asking came to.

    Attributes:
        protocol: its full name, with what it says of leaks.
        seeds: of the ensemble's members.
        folds: those that were tested.
        starts: how many were drawn for each fold.
        labelled: clips with a label at each point.
        pool: fold → clips of its training speakers that could be asked for, those of the start among them.
        utterances: tested, of all folds. speakers: of these.
        curves: acquisition function → its curve, the control first.
    """

    protocol: str
    strategy: str
    classes: list[str]
    seeds: list[int]
    folds: list[int]
    starts: int
    labelled: list[int]
    pool: dict[int, int]
    utterances: int
    speakers: int
    curves: dict[str, LearningCurve]


def tidy(
    simulations: Sequence[Simulation],
    answers: Sequence[Answers],
    speakers: Mapping[str, str],
    *,
    classes: Sequence[str],
) -> pd.DataFrame:
    """Every prediction: acquisition, fold, start, labelled, utterance_id, speaker, label, predicted; sorted so.

    Args:
        simulations, answers: as planned, and what came of each.
        speakers: utterance → who speaks.
        classes: in the order of their codes.
    """
    import pandas as pd

    tables = []
    for each, answer in zip(simulations, answers, strict=True):
        told = {
            "acquisition": each.acquisition,
            "fold": each.fold,
            "start": each.repeat,
            "utterance_id": each.test.ids,
            "speaker": [speakers[name] for name in each.test.ids],
            "label": [classes[code] for code in each.test.target],
        }
        for labelled, codes in zip(each.budget.labelled, answer.predicted, strict=True):
            predicted = [classes[code] for code in codes]
            tables.append(pd.DataFrame(told | {"labelled": labelled, "predicted": predicted}))
    keys = ["acquisition", "fold", "start", "labelled", "utterance_id"]
    columns = [*keys, "speaker", "label", "predicted"]
    return pd.concat(tables)[columns].sort_values(keys, ignore_index=True)


def learning_curves(
    table: pd.DataFrame, simulations: Sequence[Simulation], *, protocol: Folds
) -> LearningCurves:
    """The curves.

    Args:
        table: as `tidy` makes it.
        simulations: that it is of.
        protocol: of the folds.
    """
    import pandas as pd

    starts = sorted({each.repeat for each in simulations})
    labelled, names = simulations[0].budget.labelled, sorted(set(table["speaker"]))
    place = pd.Index(protocol.classes)
    counts: dict[str, np.ndarray] = {}  # [S, starts, points, C, C] each
    for acquisition, rows in table.groupby("acquisition", sort=False):
        groups = (pd.Index(names).get_indexer(rows["speaker"]) * len(starts) + rows["start"]) * len(labelled)
        counts[str(acquisition)] = confusion_by(
            (groups + pd.Index(labelled).get_indexer(rows["labelled"])).to_numpy(),
            place.get_indexer(rows["label"]),
            place.get_indexer(rows["predicted"]),
            groups=len(names) * len(starts) * len(labelled),
            classes=len(place),
        ).reshape(len(names), len(starts), len(labelled), len(place), len(place))
    one = table[
        (table["acquisition"] == RANDOM) & (table["start"] == starts[0]) & (table["labelled"] == labelled[0])
    ]
    order = [RANDOM, *dict.fromkeys(each.acquisition for each in simulations if each.acquisition != RANDOM)]
    return LearningCurves(
        protocol=protocol.protocol,
        strategy=simulations[0].choice.strategy,
        classes=list(protocol.classes),
        seeds=list(simulations[0].seeds),
        folds=list(dict.fromkeys(each.fold for each in simulations)),
        starts=len(starts),
        labelled=labelled,
        pool={each.fold: len(each.pool.ids) for each in simulations},
        utterances=len(one),
        speakers=len(names),
        curves={
            name: LearningCurve(
                ua=[intervals.of_figure(_mean_ua, counts[name][:, :, i]) for i in range(len(labelled))],
                area=intervals.of_figure(_mean_area, counts[name]),
                against_random=None
                if name == RANDOM
                else _against(np.stack([counts[name], counts[RANDOM]], axis=1)),
            )
            for name in order
        },
    )


def area(values: np.ndarray) -> np.ndarray:
    """Under curves ``[..., points]`` of evenly spaced points, over their width, by the trapezoidal rule: ``[...]``."""
    mean: np.ndarray = np.trapezoid(values, axis=-1) / (values.shape[-1] - 1)
    return mean


def _against(both: np.ndarray) -> AgainstRandom:
    """Of counts ``[S, 2, starts, points, C, C]``, the control second."""
    first, control = (area(ua(both[:, i].sum(0))) for i in (0, 1))
    return AgainstRandom(
        ua=[intervals.of_signed(_difference(_mean_ua), both[:, :, :, i]) for i in range(both.shape[3])],
        area=intervals.of_signed(_difference(_mean_area), both),
        by_start=(first - control).tolist(),
    )


def _mean_ua(counts: np.ndarray) -> np.ndarray:
    """``[..., starts, C, C]`` → the mean over the starts."""
    mean: np.ndarray = ua(counts).mean(-1)
    return mean


def _mean_area(counts: np.ndarray) -> np.ndarray:
    """``[..., starts, points, C, C]`` → the mean over the starts."""
    mean: np.ndarray = area(ua(counts)).mean(-1)
    return mean


def _difference(metric: intervals.Metric) -> intervals.Metric:
    """Of the first less the second, which lie along the axis before those that the metric takes."""

    def less(both: np.ndarray) -> np.ndarray:
        figures = metric(both)  # [..., 2]
        return figures[..., 0] - figures[..., 1]

    return less
