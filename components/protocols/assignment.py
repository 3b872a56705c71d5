"""Assigns every selected row its role in every fold: train, validation or test."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ..errors import ProtocolError, listed
from ..files import yaml_word
from ..schema import EMOTIONS
from . import rules
from .assign_test import test_fold_of
from .assign_validation import validation_of
from .few_and_zero_shot import left_of
from .lookup import Protocol
from .selection import Selection, select
from .speaker_groups import groups_of

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["fold", "utterance_id", "speaker", "label", "role"]
ROLES = ("train", "validation", "test")
FOLDS = 5


def assign(protocol: Protocol, table: pd.DataFrame) -> pd.DataFrame:
    """The folds of an utterance table: `select`, then `assigned`."""
    return assigned(protocol, select(protocol, table))


def assigned(protocol: Protocol, selection: Selection) -> pd.DataFrame:
    """The folds, long: ``fold`` (from 0), ``utterance_id``, ``speaker``, ``label`` (class), ``role``.

    Every utterance of the selection occurs once in each fold, and is the test in one at most; only where validation
    is the test does it occur there twice. Of a few-shot or zero-shot protocol what is left out of training and
    validation is in no part of the fold. Sorted by fold, id and role; the order of the table has no influence.

    Raises:
        ProtocolError: when a row is in no published list, a fold would lack a role, there are too few speakers or
            groups of them, too few clips for the shots, or a class that is not declared unseen never occurs in some
            fold's training.
    """
    import numpy as np
    import pandas as pd

    rows = selection.rows
    tested, count = test_fold_of(protocol, rows)
    unseen = protocol.scarcity.unseen_of(selection.classes, protocol=protocol.id)
    parts = []
    for fold in range(1 if protocol.scheme.first_only else count):
        test = tested == fold
        validation = validation_of(protocol, rows, tested, fold=fold, count=count)
        twice = test & validation
        role = np.select([test, validation], ["test", "validation"], "train")
        for name in ROLES:
            if not ((role == name) | (twice if name == "validation" else False)).any():
                raise ProtocolError(
                    f"protocol {protocol.id}: fold {fold} has no {name} rows. {protocol.selection}; complete the "
                    "corpus, or take a rule, such as kfold5"
                )
        part = rows[["utterance_id", "speaker", "label"]].assign(fold=np.int64(fold), role=role)
        kept = left_of(protocol.scarcity, part, role, unseen=unseen, fold=fold, protocol=protocol.id)
        parts += [part[kept], part[twice].assign(role="validation")]
    folds = pd.concat(parts, ignore_index=True)[COLUMNS].astype({"role": "str"})
    folds = folds.sort_values(["fold", "utterance_id", "role"], ignore_index=True)
    _every_class_trains(protocol, folds, selection, unseen)
    return folds


def automatic(plan: Protocol, table: pd.DataFrame) -> str:
    """Choose a rule for a corpus without a published protocol: its own split, or else by its speakers.

    A corpus that declares who trains and who is tested is split so, since what comes with it (features, models) may
    have been fitted on its training rows. Else five folds of speakers; a fold each where there are three or four;
    utterances at random, which is inflated, where there are fewer or somebody is unknown. Speakers who share a
    dialogue or a session count as one.

    Args:
        plan: says which speakers those are (see `protocol`).
        table: utterance table.

    Returns:
        The name of the rule.
    """
    if declares_split(table):
        return "official"
    speakers = table["speaker"].nunique()
    if table["speaker"].isna().any() or speakers < rules.FEWEST:
        return "random5"
    groups = len(groups_of(plan, table))
    if groups == speakers < FOLDS:
        return "loso"
    return f"kfold{groups if rules.FEWEST <= groups < FOLDS else FOLDS}"


def declares_split(table: pd.DataFrame) -> bool:
    """Whether an utterance table's corpora say of some rows that they train, and of others that they are the test."""
    return {"train", "test"} <= set(table["split_official"].dropna())


def speakers_used(protocol: Protocol, rows: pd.DataFrame) -> str:
    """How many of the protocol's speakers are among the rows, in words: ``all 24``, ``subset 10 of 24``."""
    present = rows["speaker"].nunique()
    whole = len(protocol.scheme.groups) > 1 and protocol.scheme.column == "speaker"
    total = sum(map(len, protocol.scheme.groups)) if whole else present
    return f"all {present}" if present == total else f"subset {present} of {total}"


def _every_class_trains(
    protocol: Protocol, folds: pd.DataFrame, selection: Selection, unseen: Collection[str]
) -> None:
    training = folds[folds["role"] == "train"]
    seen = training.groupby("fold")["label"].agg(set)
    there = set(selection.rows["label"])
    for fold in range(folds["fold"].max() + 1):
        missing = [name for name in selection.classes if name not in seen.get(fold, set()) | set(unseen)]
        if missing:
            nowhere = [name for name in missing if name not in there]
            other = "choose a label space without it, or state one under label_spaces in params.yaml"
            if nowhere:
                why = f"the corpora have no {listed(nowhere)} at all: {other}"
            elif protocol.scheme.test == "corpora":
                why = f"what trains ({listed(protocol.scheme.sources)}) has none, and the test has: {other}"
            else:
                why = _by_few(protocol, selection, missing[0])
            raise ProtocolError(
                f"protocol {protocol.id}: in fold {fold} nothing trains the class(es) {listed(missing)}; {why}"
            )


def _by_few(protocol: Protocol, selection: Selection, label: str) -> str:
    """Why nothing trains a class that there is, its clips named, and what helps."""
    clips = selection.rows[selection.rows["label"] == label]
    corpus = clips["corpus"].iloc[0]
    ids = list(clips.loc[clips["corpus"] == corpus, "utterance_id"].str.removeprefix(f"{corpus}/"))
    named = (
        f"{len(clips)} clip(s) of {clips['speaker'].nunique()} speaker(s): {listed(clips['utterance_id'], 3)}"
    )
    folds = "use more folds, or " if protocol.scheme.count else ""
    stray = f"folds.exclude: {{{yaml_word(corpus)}: {{reason: stray label, ids: [{', '.join(map(yaml_word, ids[:3]))}"
    stray += "]}}" if len(ids) <= 3 else ", …]}}"
    if protocol.space.classes:
        helps = f"{folds}add speakers, or choose a label space without it"
    else:
        known = f"layouts: {{{yaml_word(corpus)}: {{labels: {{{yaml_word(label)}: happiness}}}}}}"
        mapped = "" if label in EMOTIONS else f"map the corpus's word for it to an emotion ({known}), or "
        helps = f"{folds}add speakers; a stray label: in params.yaml {mapped}leave the clips out ({stray})"
    return f"the speakers that train there have none ({label} has {named}): {helps}"
