"""Adds unlabelled utterances to training, in the folds where they reveal nothing of the held-out rows.

Two kinds: all of a corpus whose labels are not to be used (another language, or one that has none), and those of the
other corpora that nobody labelled.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ..errors import ProtocolError, listed
from .lookup import Protocol
from .selection import Selection

if TYPE_CHECKING:
    import pandas as pd

ROLE = "unlabelled"
HELD_OUT = "(no label, and its speaker, dialogue or session is held out in every fold)"


def bare_rows(
    selection: Selection, table: pd.DataFrame, *, corpora: Collection[str], others: bool
) -> pd.DataFrame:
    """What may be learned from without a label: some of the utterance table's rows, sorted by id.

    Args:
        corpora: whose labels are not used.
        others: also the rows of the other corpora that have no label.
    """
    wanted = table["corpus"].isin(list(corpora))
    if others:
        wanted |= table["utterance_id"].isin(list(selection.bare))
    return table[wanted].sort_values("utterance_id", ignore_index=True)


def with_unlabelled(
    protocol: Protocol, folds: pd.DataFrame, selection: Selection, rows: pd.DataFrame
) -> pd.DataFrame:
    """The folds with these rows in the role `ROLE`, label null, where nothing of them is held out.

    A row is in no fold that holds out, as test or validation, its speaker, or its dialogue or session where the
    protocol keeps those apart; nor, where folds are made of speakers, one that holds out something of its corpus
    while nobody knows who speaks.

    Raises:
        ProtocolError: for a corpus that the labelled rows are not of, and that no fold may learn from.
    """
    import pandas as pd

    about = selection.rows.set_index("utterance_id")[["corpus", "session", "dialogue"]]
    parts = [folds]
    for fold, part in folds.groupby("fold"):
        held_out = part[part["role"] != "train"]
        held_out = held_out.join(about, on="utterance_id")
        closed = pd.Series(False, index=rows.index)
        for column in ("speaker", *protocol.apart):
            closed |= rows[column].isin(held_out[column].dropna().unique())
        if protocol.scheme.by_speaker:
            closed |= rows["speaker"].isna() & rows["corpus"].isin(held_out["corpus"].unique())
        kept = rows.loc[~closed, ["utterance_id", "speaker"]]
        parts.append(kept.assign(fold=fold, label=None, role=ROLE))
    made = pd.concat(parts, ignore_index=True)[list(folds.columns)].astype({"label": "str", "role": "str"})
    strange = set(rows["corpus"]) - set(selection.rows["corpus"])
    unused = sorted(strange - set(rows.loc[rows["utterance_id"].isin(made["utterance_id"]), "corpus"]))
    if unused:
        raise ProtocolError(
            f"folds.unlabelled names {listed(unused)}, and no fold may learn from an utterance of it: what its "
            "utterances share with the labelled corpora is held out in every fold; leave it out"
        )
    return made.sort_values(["fold", "utterance_id", "role"], ignore_index=True)


def as_training(folds: pd.DataFrame) -> pd.DataFrame:
    """The folds with every unlabelled row in training, for who asks what training has seen."""
    return folds.assign(role=folds["role"].replace(ROLE, "train"))


def unlabelled_count(folds: pd.DataFrame, rows: pd.DataFrame) -> dict[str, int]:
    """Corpus → how many of its rows some fold learns from without a label."""
    learned = folds.loc[folds["role"] == ROLE, "utterance_id"]
    counts = rows.loc[rows["utterance_id"].isin(learned), "corpus"].value_counts().sort_index()
    return {str(corpus): int(count) for corpus, count in counts.items()}


def left_over(folds: pd.DataFrame, selection: Selection, rows: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Corpus → why → how many rows no fold has: as the selection counts them, less what is learned from after all."""
    learned = set(folds.loc[folds["role"] == ROLE, "utterance_id"])
    counts = {corpus: dict(words) for corpus, words in selection.by_corpus.items()}
    for name, corpus in rows[["utterance_id", "corpus"]].itertuples(index=False):
        words = counts.setdefault(corpus, {})
        if name not in learned and name not in selection.bare:
            words[HELD_OUT] = words.get(HELD_OUT, 0) + 1
        elif name in learned and name in selection.bare:
            words[selection.bare[name]] -= 1
    return {corpus: {why: n for why, n in words.items() if n} for corpus, words in counts.items()}
