"""Selects the rows of an utterance table that a protocol is about, with their classes; the rest is counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import ProtocolError, listed
from ..schema import EMOTIONS, LabelSpace
from .lookup import Protocol

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

UNLABELLED = "(no label)"
UNVALUED = "(no valence)"
OUTSIDE = "(in no part of the official split)"
COLUMNS = [
    "utterance_id", "corpus", "speaker", "speaker_gender", "session", "dialogue", "language", "intensity",
    "split_official", "label",
]  # fmt: skip
MOST_CLASSES = 40
"""Of a label space that is read off the corpora: more are no classes, but sentences or numbers."""


@dataclass(frozen=True)
class Selection:
    """The rows that a protocol is about.

    Attributes:
        rows: the utterance table's ``COLUMNS``, with ``label`` a class of the space, sorted by id.
        classes: in the order of a model's outputs.
        by_corpus: corpus → why → how many rows were left out: a label (the corpus's own word where it is none of
            EMOTIONS), or the protocol's word for what it leaves out.
        nameless: rows whose speaker nobody knows; each of them counts as a speaker of its own.
        bare: id → why, of the rows left out that nobody labelled and that the protocol would take otherwise.
    """

    rows: pd.DataFrame
    classes: tuple[str, ...]
    by_corpus: dict[str, dict[str, int]] = field(default_factory=dict)
    nameless: int = 0
    bare: dict[str, str] = field(default_factory=dict)

    @property
    def dropped(self) -> dict[str, int]:
        """Why → how many rows were left out of all corpora."""
        return added(self.by_corpus)


def added(dropped: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Corpus → why → how many, added up over the corpora."""
    total: dict[str, int] = {}
    for counts in dropped.values():
        for why, count in counts.items():
            total[why] = total.get(why, 0) + count
    return dict(sorted(total.items()))


def select(protocol: Protocol, table: pd.DataFrame) -> Selection:
    """Select the utterances inside the protocol and its label space, map their labels to classes, and count the rest.

    Raises:
        ProtocolError: for rows of other corpora than the protocol's, ids that occur twice, rows without a speaker
            where folds are made of speakers, a label space that the labels do not make, or when nothing remains.
    """
    import pandas as pd

    refuse(protocol, table[table["utterance_id"].duplicated(keep=False)], "have an id that occurs twice")
    check_corpora(protocol, table["corpus"].unique())
    table = table.reset_index(drop=True)
    why = pd.Series(None, index=table.index, dtype="object")  # of a row that is left out

    published = protocol.published
    if published is not None and published.include is not None:
        local = table["utterance_id"].str.split("/", n=1).str[1]
        why[~local.str.contains(published.include.pattern, regex=True)] = published.include.otherwise
    if protocol.scheme.test == "official":
        why[why.isna() & table["split_official"].isna()] = OUTSIDE
    if published is not None and published.without_repeats:
        from .repeats import leaking

        named = leaking(table).groupby("utterance_id")["kind"].agg(" and ".join)
        kinds = table["utterance_id"].map(named)
        leaks = why.isna() & kinds.notna() & table["split_official"].isin(["validation", "test"])
        why[leaks] = "(" + kinds[leaks].astype("object") + " with training)"

    classes, labels = classed(protocol.space, table[why.isna()], protocol.known)
    outside = labels.index[labels.isna()]
    why[outside] = _words(protocol.space, table.loc[outside], protocol.known)
    bare = outside[_unlabelled(protocol, table.loc[outside])]
    bare = dict(zip(table.loc[bare, "utterance_id"], why[bare], strict=True))
    rows = table[COLUMNS].assign(label=labels.reindex(table.index))[why.isna()]
    dropped = {
        str(corpus): {str(word): int(count) for word, count in words.value_counts().sort_index().items()}
        for corpus, words in why.dropna().groupby(table["corpus"])
    }
    if rows.empty:
        bare = bool(table["label"].isna().all() and table["label_raw"].isna().all())
        hint = "; without any label a corpus can be pre-trained on, but not scored" * bare
        raise ProtocolError(
            f"protocol {protocol.id}: none of the {len(table)} utterances has a label of the space "
            f"{protocol.space.name} ({', '.join(classes)}); left out: {added(dropped)}{hint}"
        )
    nobody = rows["speaker"].isna()
    if protocol.scheme.by_speaker:
        refuse(
            protocol,
            rows[nobody & (rows["corpus"] != protocol.scheme.target)],
            "have no speaker, and folds are made of speakers: name them (params.yaml: a group (?P<speaker>…) in "
            "layouts.<corpus>.pattern, or a column speaker), or take the protocol random5, whose figures are inflated",
        )
    rows["speaker"] = rows["speaker"].where(~nobody, rows["utterance_id"])
    rows["label"] = rows["label"].astype("str")
    rows = rows.sort_values("utterance_id", ignore_index=True)
    return Selection(rows, classes, dropped, int(nobody.sum()), bare)


def classed(
    space: LabelSpace, table: pd.DataFrame, known: Mapping[str, str]
) -> tuple[tuple[str, ...], pd.Series]:
    """The space's classes, and the class of each row; null where it has none.

    Args:
        known: see `Protocol`.

    Raises:
        ProtocolError: for a space without classes of its own, where the corpora's labels make none.
    """
    import pandas as pd

    if space.cuts is not None:
        low, high = space.cuts
        edges = [-float("inf"), low, high, float("inf")]
        # From high on is the third class, up to low the first: what lies on an edge belongs outwards.
        valence = table["valence"].astype("float64")
        labels = pd.Series(None, index=table.index, dtype="object")
        for name, inside in zip(
            space.classes,
            (valence <= edges[1], (valence > edges[1]) & (valence < edges[2]), valence >= edges[2]),
            strict=True,
        ):
            labels[inside] = name
        return space.classes, labels
    if not space.classes:
        return _own(space, table)
    labels = table["label"].map(space.mapping).astype("object")
    for corpus, words in space.raw.items():
        meant = {word.strip().casefold(): name for word, name in words.items()}
        here = _is(table, corpus, known)
        labels[here] = _raw(table[here]).map(meant)
    return space.classes, labels


def _own(space: LabelSpace, table: pd.DataFrame) -> tuple[tuple[str, ...], pd.Series]:
    """The classes that the corpora's labels are: the common word where it is known, else the corpus's own."""
    labels = table["label"].astype("object").where(table["label"].notna(), _raw(table))
    found = sorted(labels.dropna().unique())
    if len(found) > MOST_CLASSES:
        raise ProtocolError(
            f"the label space {space.name} is what labels the corpus has, and these are {len(found)} "
            f"({listed(found)}); {MOST_CLASSES} are the most. If they are no classes, say under label_spaces in "
            "params.yaml which are"
        )
    if len(found) == 1:
        raise ProtocolError(
            f"every labelled utterance is {found[0]!r}: there is nothing to tell apart; see whether the labels were "
            "read as meant, or name a label space in params.yaml"
        )
    order = {name: place for place, name in enumerate(EMOTIONS)}
    return tuple(sorted(found, key=lambda name: (order.get(name, len(order)), name))), labels


def _is(table: pd.DataFrame, corpus: str, known: Mapping[str, str]) -> pd.Series:
    """Which rows are of a corpus, under its own name or another."""
    return (table["corpus"] == corpus) | (table["corpus"].map(lambda name: known.get(name, name)) == corpus)


def _raw(table: pd.DataFrame) -> pd.Series:
    return table["label_raw"].astype("object").str.strip().str.casefold()


def _words(space: LabelSpace, rows: pd.DataFrame, known: Mapping[str, str]) -> pd.Series:
    """What the rows outside the space are counted as."""
    import pandas as pd

    if space.cuts is not None:
        return pd.Series(UNVALUED, index=rows.index, dtype="object")
    words = rows["label"].astype("object").where(rows["label"].notna(), rows["label_raw"].astype("object"))
    for corpus in space.raw:
        words = words.where(~_is(rows, corpus, known), rows["label_raw"].astype("object"))
    return words.fillna(UNLABELLED)


def _unlabelled(protocol: Protocol, rows: pd.DataFrame) -> np.ndarray:
    """Which of the rows outside the space have no label at all, as the space reads labels: bool [rows]."""
    space = protocol.space
    bare = rows["label"].isna()
    for corpus in space.raw:
        bare = bare.where(~_is(rows, corpus, protocol.known), rows["label_raw"].isna())
    if space.cuts is not None:
        bare[:] = True
    if protocol.scheme.test == "official":
        bare &= rows["split_official"] == "train"
    return bare.to_numpy(dtype=bool)


def check_corpora(protocol: Protocol, corpora: Iterable[str]) -> None:
    """Check that a protocol is of these corpora.

    Args:
        protocol: published, or a rule.
        corpora: those whose labelled utterances are assigned to folds.

    Raises:
        ProtocolError: naming those that it is of.
    """
    there = sorted(corpora)
    if protocol.published is not None:
        its = protocol.published.corpus
        others = sorted(name for name in there if protocol.known.get(name, name) != its)
        if others:
            raise ProtocolError(
                f"protocol {protocol.id} is of the corpus {its}, and the table also holds "
                f"{listed(others)}: name {its} alone under corpora in params.yaml, or a rule "
                "as the protocol"
            )
        if len(there) > 1:
            raise ProtocolError(
                f"protocol {protocol.id} is of one corpus, and the table holds {listed(there)}, both of that layout: "
                "name one of them under corpora in params.yaml, or a rule as the protocol"
            )
    if protocol.scheme.test == "corpora":
        named = {*protocol.scheme.sources, protocol.scheme.target}
        if named != set(there):
            raise ProtocolError(
                f"protocol {protocol.id} is of the corpora {listed(sorted(named))}, and here are {listed(there)}: "
                f"let params.yaml say corpora: [{', '.join(sorted(named))}]"
            )


def refuse(protocol: Protocol, rows: pd.DataFrame, why: str) -> None:
    """Raise a ProtocolError that names the rows; nothing where there are none."""
    if not rows.empty:
        raise ProtocolError(
            f"protocol {protocol.id}: {len(rows)} row(s) {why}: {listed(sorted(rows['utterance_id']))}"
        )
