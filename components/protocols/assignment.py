"""From an utterance table to folds: which rows take part, and the role of each in every fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ProtocolError, listed
from . import rules
from .plan import Protocol

if TYPE_CHECKING:
    import pandas as pd

UNLABELLED = "(no label)"
COLUMNS = ["fold", "utterance_id", "speaker", "label", "role"]
ROLES = ("train", "validation", "test")


@dataclass(frozen=True)
class Selection:
    """The rows that a protocol is about.

    ``rows``: ``utterance_id, speaker, speaker_gender, label``, with ``label`` a class of the space, sorted by id.
    ``dropped``: how many rows were left out, by the label (or by the protocol's word for what it leaves out).
    """

    rows: pd.DataFrame
    dropped: dict[str, int]


def select(protocol: Protocol, table: pd.DataFrame) -> Selection:
    """The utterances inside the protocol and its label space, their labels mapped to classes; the rest counted.

    Raises:
        ProtocolError: for rows of another corpus than the protocol's, ids that occur twice, rows without a speaker,
            or when nothing remains.
    """
    rows = table[["utterance_id", "corpus", "speaker", "speaker_gender", "label"]]
    _refuse(protocol, rows[rows["utterance_id"].duplicated(keep=False)], "have an id that occurs twice")
    dropped: dict[str, int] = {}

    held = protocol.published
    if held is not None:
        others = sorted(set(rows["corpus"]) - {held.corpus})
        if others:
            raise ProtocolError(
                f"protocol {protocol.id} is of the corpus {held.corpus}, and the table also holds {listed(others)}: "
                f"name {held.corpus} alone under corpora in params.yaml, or a rule as the protocol"
            )
        if held.include is not None:
            inside = rows["utterance_id"].str.contains(held.include.pattern, regex=True)
            if (~inside).any():
                dropped[held.include.otherwise] = int((~inside).sum())
            rows = rows[inside]

    classes = rows["label"].map(protocol.space.mapping)
    outside = rows.loc[classes.isna(), "label"].fillna(UNLABELLED)
    dropped |= {str(label): int(count) for label, count in outside.value_counts().items()}
    rows = rows.assign(label=classes.astype("str")).loc[classes.notna()]
    if rows.empty:
        raise ProtocolError(
            f"protocol {protocol.id}: none of the {len(table)} utterances has a label of the space "
            f"{protocol.space.name} ({', '.join(protocol.space.classes)}); left out: {dropped}"
        )
    _refuse(protocol, rows[rows["speaker"].isna()], "have no speaker, and folds are made of speakers")
    rows = rows.drop(columns="corpus").sort_values("utterance_id", ignore_index=True)
    return Selection(rows, dict(sorted(dropped.items())))


def assign(protocol: Protocol, table: pd.DataFrame) -> pd.DataFrame:
    """The folds, long: ``fold`` (from 0), ``utterance_id``, ``speaker``, ``label`` (class), ``role``.

    Every utterance of the selection occurs once in each fold and is the test in exactly one. For test fold k the
    validation is fold k+1 (cyclic), the rest trains. Sorted by fold and id; the order of ``table`` has no influence.

    Raises:
        ProtocolError: when a speaker is in no published list, a fold would be empty, there are fewer speakers than
            folds, or a class never occurs in some fold's training.
    """
    import numpy as np
    import pandas as pd

    rows = select(protocol, table).rows
    fold_of = _test_folds(protocol, rows)
    count = max(fold_of.values()) + 1
    tested = rows["speaker"].map(fold_of).to_numpy()

    parts = []
    for fold in range(count):
        role = np.select([tested == fold, tested == (fold + 1) % count], ["test", "validation"], "train")
        part = rows[["utterance_id", "speaker", "label"]].assign(fold=np.int64(fold), role=role)
        parts.append(part)
    folds = pd.concat(parts, ignore_index=True)[COLUMNS].astype({"role": "str"})
    _every_class_trains(protocol, folds, rows)
    return folds


def speakers_used(protocol: Protocol, rows: pd.DataFrame) -> str:
    """How many of the protocol's speakers the rows hold: ``all 24``, ``subset 10 of 24``."""
    present = rows["speaker"].nunique()
    total = present if protocol.test_speakers is None else sum(map(len, protocol.test_speakers))
    return f"all {total}" if present == total else f"subset {present} of {total}"


def _test_folds(protocol: Protocol, rows: pd.DataFrame) -> dict[str, int]:
    if protocol.test_speakers is None:
        # A speaker whose rows disagree on the gender is dealt by the first name of the two, in any row order.
        genders = rows.assign(speaker_gender=rows["speaker_gender"].fillna("")).groupby("speaker")[
            "speaker_gender"
        ]
        genders = genders.max().to_dict()
        folds = rules.fold_count(protocol.rule, len(genders))
        return rules.deal(genders, folds=folds, seed=protocol.seed)

    fold_of = {speaker: fold for fold, speakers in enumerate(protocol.test_speakers) for speaker in speakers}
    present = set(rows["speaker"])
    strangers = sorted(present - set(fold_of))
    if strangers:
        raise ProtocolError(
            f"protocol {protocol.id} lists {len(fold_of)} speakers, and none of its folds has {listed(strangers)}: "
            f"the corpus is not the one it was published for, or its speakers are misread; "
            f"for other speakers use a rule, such as kfold{len(protocol.test_speakers)}"
        )
    for fold, speakers in enumerate(protocol.test_speakers):
        if not present & set(speakers):
            raise ProtocolError(
                f"protocol {protocol.id}: fold {fold} is empty, since none of its speakers ({listed(speakers)}) is in "
                f"the corpus (there are: {listed(sorted(present))}). A subset of the speakers needs at least one from "
                f"each fold; add one, or use a rule, such as kfold{max(rules.FEWEST, min(4, len(present)))}"
            )
    return {speaker: fold_of[speaker] for speaker in sorted(present)}


def _every_class_trains(protocol: Protocol, folds: pd.DataFrame, rows: pd.DataFrame) -> None:
    training = folds[folds["role"] == "train"]
    seen = training.groupby("fold")["label"].agg(set)
    for fold in range(folds["fold"].max() + 1):
        missing = [name for name in protocol.space.classes if name not in seen.get(fold, set())]
        if missing:
            nowhere = [name for name in missing if name not in set(rows["label"])]
            why = (
                f"the corpora have no {listed(nowhere)} at all: choose a label space without it"
                if nowhere
                else "the speakers that train there have none: use more folds, or add speakers"
            )
            raise ProtocolError(
                f"protocol {protocol.id}: in fold {fold} nothing trains the class(es) {listed(missing)}; {why}"
            )


def _refuse(protocol: Protocol, rows: pd.DataFrame, why: str) -> None:
    if not rows.empty:
        raise ProtocolError(
            f"protocol {protocol.id}: {len(rows)} row(s) {why}: {listed(sorted(rows['utterance_id']))}"
        )
