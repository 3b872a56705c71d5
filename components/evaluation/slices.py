"""Figures by group: for whom, and on what, a strategy is better or worse.

The groups of one attribute are compared by UA. Where an attribute has more than two groups, the two that are farthest
apart were looked for, so that their distance is a little too large.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..artifacts.reports import Gap, GroupFigures, Slice
from . import intervals
from .inputs import CorpusFacts, tested_utterances
from .metrics import METRICS, confusion_by
from .predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd

ATTRIBUTES = {
    "speaker_gender": "gender",
    "language": "language",
    "intensity": "intensity",
    "elicitation": "elicitation",
    "corpus": "corpus",
}
"""Columns of the utterance table, and what they are called."""
AGES = {30: "under 30", 45: "30 to 44", 60: "45 to 59"}
"""Speakers below an age, in years, and what they are called; others are `OLDER`."""
OLDER = "60 or older"
LEAST_SPEAKERS = 4
"""Of a group, so that it is compared with others."""


def by_attribute(predictions: Predictions, strategy: str, corpora: Mapping[str, CorpusFacts]) -> list[Slice]:
    """One strategy's figures in the groups of each attribute of which the test utterances have several.

    Args:
        predictions: of every strategy.
        strategy: the one.
        corpora: by name.
    """
    tested = tested_utterances(corpora, predictions.utterance_ids)
    predicted = predictions.predicted(strategy)
    coded = {title: _coded(tested[column]) for column, title in ATTRIBUTES.items()}
    coded["age"] = _age_groups(tested["speaker_age"])
    return [
        _slice(title, groups, codes, predictions, predicted)
        for title, (groups, codes) in coded.items()
        if len(groups) > 1
    ]


def _coded(values: "pd.Series") -> tuple[list[str], np.ndarray]:
    """The groups, sorted, and their codes ``[N]``; -1 where unknown."""
    import pandas as pd

    codes, groups = pd.factorize(values, sort=True)
    return [str(each) for each in groups], codes


def _age_groups(ages: "pd.Series") -> tuple[list[str], np.ndarray]:
    """As `_coded`, the youngest first."""
    import pandas as pd

    codes, places = pd.factorize(np.searchsorted(list(AGES), ages.dropna().astype(int), "right"), sort=True)
    of_all = np.full(len(ages), -1)
    of_all[ages.notna().to_numpy()] = codes
    return [[*AGES.values(), OLDER][place] for place in places], of_all


def _slice(
    title: str, groups: list[str], codes: np.ndarray, predictions: Predictions, predicted: np.ndarray
) -> Slice:
    known, speakers, classes = codes >= 0, len(predictions.speakers), len(predictions.classes)
    counts = confusion_by(
        (predictions.speaker * len(groups) + codes)[known],
        predictions.truth[known],
        predicted[known],
        groups=speakers * len(groups),
        classes=classes,
    ).reshape(speakers, len(groups), classes, classes)
    figures = {group: _figures(counts[:, k]) for k, group in enumerate(groups)}
    return Slice(
        attribute=title,
        groups=figures,
        unknown=int((~known).sum()),
        gap=_gap(groups, counts, figures),
    )


def _figures(counts: np.ndarray) -> GroupFigures:
    """Of a group, from the confusion counts ``[S, C, C]`` of every speaker."""
    held = counts[counts.sum((1, 2)) > 0]
    return GroupFigures(
        utterances=int(held.sum()),
        speakers=len(held),
        few=len(held) < LEAST_SPEAKERS,
        ua=intervals.of_figure(METRICS["ua"], held),
        wa=intervals.of_figure(METRICS["wa"], held),
    )


def _gap(groups: list[str], counts: np.ndarray, figures: Mapping[str, GroupFigures]) -> Gap | None:
    """Between the groups with the highest and the lowest UA, of those with enough speakers; None where one is left."""
    ranked = sorted(
        (name for name in groups if not figures[name].few), key=lambda name: figures[name].ua.mean
    )
    if len(ranked) < 2:
        return None
    worst, best = ranked[0], ranked[-1]
    pair = counts[:, [groups.index(best), groups.index(worst)]]
    heard = pair[pair.sum((1, 2, 3)) > 0]
    return Gap(
        best=best,
        worst=worst,
        difference=intervals.of_difference(METRICS["ua"], heard[:, 0], heard[:, 1]),
    )
