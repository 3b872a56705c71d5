"""Training and test rows of a target that the protocol's folds are not made for."""

from collections.abc import Sequence

import numpy as np

FOLDS = 5
"""At most."""

Splits = Sequence[tuple[np.ndarray, np.ndarray]]
"""Positions of training and of test rows among the N utterances."""

UNKNOWN = -1
"""The code of an utterance whose class or speaker is not known."""


def over_speakers(
    speakers: np.ndarray, known: np.ndarray, seed: int, *, strata: dict[int, str] | None = None
) -> Splits:
    """Folds that test other speakers than they learn from.

    Args:
        speakers: codes ``[N]``.
        known: which rows take part, bool ``[N]``.
        seed: of the draw.
        strata: speaker → class, each of two speakers or more, so that every fold learns of all classes.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    people = np.unique(speakers[known])
    if strata is None:
        made = KFold(min(FOLDS, len(people)), shuffle=True, random_state=seed).split(people)
    else:
        of = np.array([strata[person] for person in people])
        least = int(np.unique(of, return_counts=True)[1].min())
        folds = StratifiedKFold(min(FOLDS, least), shuffle=True, random_state=seed)
        made = folds.split(people, of)
    rows = np.flatnonzero(known)
    return [
        (rows[np.isin(speakers[rows], people[train])], rows[np.isin(speakers[rows], people[test])])
        for train, test in made
    ]


def of_each_value(values: np.ndarray, rows: np.ndarray, seed: int) -> Splits:
    """Folds that test other utterances of the values that they learn from.

    Args:
        values: codes ``[N]``.
        rows: positions of those that take part; each of their values has `FOLDS` of them or more.
        seed: of the draw.
    """
    from sklearn.model_selection import StratifiedKFold

    made = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(rows, values[rows])
    return [(rows[train], rows[test]) for train, test in made]


def speakers_apart(splits: Splits, speakers: np.ndarray) -> bool:
    """Whether no speaker is in training and test of one split, as far as can be known.

    Args:
        speakers: codes ``[N]``, `UNKNOWN` where nobody knows who speaks.
    """
    return all(
        set(speakers[train]).isdisjoint(speakers[test]) and UNKNOWN not in speakers[test]
        for train, test in splits
    )
