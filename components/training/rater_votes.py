"""Raters' votes as a distribution over the classes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..schema import LabelSpace, Layout

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RaterVotes:
    """What raters say of some utterances.

    Attributes:
        ids: of the utterances.
        shares: float64 ``[N, C]``, each row's sum is 1: the classes' shares of the votes; zeros where nobody voted for
            one of the classes.
        raters: int64 ``[N]``, how many voted for one of the classes.
    """

    ids: tuple[str, ...]
    shares: np.ndarray
    raters: np.ndarray


def rater_votes_of(
    table: "pd.DataFrame",
    layouts: Mapping[str, Layout],
    *,
    space: LabelSpace,
    classes: Sequence[str],
) -> RaterVotes:
    """Read raters' votes from utterance tables.

    Each rater has one vote, divided among the labels that they gave.

    Args:
        table: the corpora's utterance tables, one after another: utterance_id, corpus, raters.
        layouts: of each corpus; where one takes its label from raters of one kind, their votes alone count.
        space: maps the votes to the classes; a vote for something else is not counted.
        classes: their names, in the order of ``shares``.
    """
    total = np.zeros((len(table), len(classes)))
    raters = np.zeros(len(table), dtype=np.int64)
    meant = {name: _meant(space, name, layout, classes) for name, layout in layouts.items()}
    for row, (corpus, votes) in enumerate(zip(table["corpus"], table["raters"], strict=True)):
        if not isinstance(votes, str):
            continue
        kind = layouts[corpus].raters or ""
        for rater, labels in json.loads(votes).items():
            if not rater.startswith(kind):
                continue
            voted = [meant[corpus].get(label.strip().casefold()) for label in labels]
            for place in voted:
                if place is not None:
                    total[row, place] += 1 / len(labels)
            raters[row] += any(place is not None for place in voted)
    shares = total / np.maximum(total.sum(1, keepdims=True), 1e-9)
    return RaterVotes(tuple(table["utterance_id"]), shares, raters)


def _meant(space: LabelSpace, corpus: str, layout: Layout, classes: Sequence[str]) -> dict[str, int]:
    """Which class a rater's word, in lower case, is a vote for."""
    if space.cuts is not None:
        return {}
    words = space.raw.get(corpus, space.raw.get(layout.layout))
    if words is None:
        words = space.mapping or {name: name for name in classes}
    place = {name: i for i, name in enumerate(classes)}
    return {word.strip().casefold(): place[name] for word, name in words.items() if name in place}
