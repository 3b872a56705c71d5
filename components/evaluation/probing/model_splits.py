"""Splits of a target for probes of models: a fold's model is probed on rows that it was not trained on."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...training.rows import Fold
from .control import dealt_again
from .splits import FOLDS, of_each_value, speakers_apart
from .targets import SPEAKER, Target


def by_model(
    target: Target, folds: Sequence[Fold], ids: Sequence[str], speakers: np.ndarray, *, seed: int
) -> tuple[Target, list[Target]] | str:
    """A target whose test rows are those that each fold tests.

    The probe learns from the labelled rows that the fold's model was trained on. That of the speaker, who has to be in
    training and test, learns and is tested on the fold's test speakers alone: what a model makes of speakers that it
    was trained on may differ from what it makes of others, and then a probe of both would tell them by this.

    Args:
        target: of the utterances, with splits that are the same for all features.
        folds: of the protocol.
        ids: of the utterances, by position.
        speakers: their codes, ``[N]``.
        seed: of the splits and the control task of the speaker.

    Returns:
        The target with the splits of all folds, and with those of each fold, [] where it has none; or why no fold has
        any.
    """
    place = {name: position for position, name in enumerate(ids)}
    known = np.unique(np.concatenate([rows for split in target.splits for rows in split]))
    made = []
    for fold in folds:
        train, test = (
            np.intersect1d([place[name] for name in part.ids], known)
            for part in (fold.seen.labelled, fold.test)
        )
        if target.name == SPEAKER:
            made.append(_of_speakers(target, test, seed))
        else:
            made.append(replace(target, splits=[(train, test)] if len(train) and len(test) else []))
    splits = [split for each in made for split in each.splits]
    if target.name == SPEAKER:
        if not splits:
            return f"takes a fold that tests two speakers or more with {FOLDS} utterances each"
        how = f"{FOLDS} folds of each speaker's utterances, among the speakers that a fold tests"
        return replace(target, splits=splits, split=how), made
    if not splits:
        return "no fold has known values in training and in test"
    how = "what each fold tests, learned from what its model was trained on"
    apart = speakers_apart(splits, speakers)
    return replace(target, splits=splits, split=how, speaker_disjoint=apart), made


def _of_speakers(target: Target, rows: np.ndarray, seed: int) -> Target:
    """The target among these rows, with a control task of their own."""
    people, counts = np.unique(target.values[rows], return_counts=True)
    rows = rows[np.isin(target.values[rows], people[counts >= FOLDS])]
    if len(np.unique(target.values[rows])) < 2:
        return replace(target, splits=[])
    among = np.zeros(len(target.values), bool)
    among[rows] = True
    return replace(
        target,
        control=dealt_again(target.values, among, seed),
        splits=of_each_value(target.values, rows, seed),
    )
