"""Statistics of a corpus: counts, hours, speakers, classes, missing media, agreement of raters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import listed
from ...schema import UNSTATED, Layout
from .. import attached_features, layout_of, raters, read
from .durations import durations, shorter_than, without_length

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Group

_SPEAKERS_SHOWN = 30


@dataclass(frozen=True)
class Description:
    """A corpus as it lies on disk.

    Attributes:
        table: its utterance table with two more columns: ``seconds`` (NaN where unknown) and ``shown`` (the label,
            else the corpus's own word, else ``unlabelled``).
        unread: what is there and could not be read, as in ``Reading.unread``.
        shortest_s: the least that the data contract lets a clip last, in seconds.
        features: modality that came as features → how many utterances have it.
        entropy: of each rated utterance, in bits; empty without raters.
        ceilings: kind of rater → how well one of them agrees with the others.
    """

    corpus: str
    layout: str
    table: pd.DataFrame
    unread: list[dict[str, str]]
    shortest_s: float
    features: dict[str, int]
    entropy: pd.Series
    ceilings: dict[str, raters.Ceiling]

    @property
    def hours(self) -> float:
        """Of the utterances whose length is known."""
        return float(self.table["seconds"].sum() / 3600)

    @property
    def media(self) -> dict[str, int]:
        """Modality → how many utterances have a recording or words of it."""
        counts = {name: int(self.table[name].notna().sum()) for name in ("audio", "video", "text")}
        return counts | self.features

    def speakers(self) -> pd.DataFrame:
        """One row a speaker, by name: gender (one of the table's; null where unknown), utterances, hours."""
        grouped = self.table.groupby("speaker")
        return grouped.agg(
            gender=("speaker_gender", "first"),
            utterances=("utterance_id", "size"),
            hours=("seconds", lambda seconds: seconds.sum() / 3600),
        )

    def classes(self) -> pd.Series:
        """Label → how many utterances, the most frequent first."""
        return self.table["shown"].value_counts()


def describe(
    corpus: str, root: Path, *, stated: Layout = UNSTATED, shortest_s: float = 0.0, workers: int = 1
) -> Description:
    """Read a corpus and count. Opens no more of a recording than its header.

    Args:
        root: the corpus's folder.
        shortest_s: recordings that are shorter are named.

    Raises:
        CorpusError: it does not exist, or is not this corpus.
    """
    reading = read(corpus, root, stated)
    table = reading.table.assign(
        seconds=durations(reading.table, root, workers=workers),
        shown=reading.table["label"].fillna(reading.table["label_raw"]).fillna("unlabelled"),
    )
    features = attached_features(corpus, root, table["utterance_id"], stated)
    return Description(
        corpus=corpus,
        layout=layout_of(corpus, root, stated),
        table=table,
        unread=reading.unread,
        shortest_s=shortest_s,
        features={modality: len(values) for modality, values in features.items()},
        entropy=raters.entropy(raters.soft_labels(table)),
        ceilings=raters.ceilings(table),
    )


def shown(found: Description) -> Group:
    """The description for a terminal, readable at eighty columns."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    blocks = [Text(found.corpus, style="bold")]
    for title, rows in _blocks(found):
        if rows:
            blocks += [Text(), Text(title, style="bold"), Padding(_grid(rows), (0, 0, 0, 2))]
    return Group(*blocks)


def _blocks(found: Description) -> list[tuple[str, list[tuple[str, ...]]]]:
    table, speakers, total = found.table, found.speakers(), len(found.table)
    counts = [
        ("utterances", f"{total:,}"),
        ("hours", f"{found.hours:.2f}{_of_known(table['seconds'])}"),
        ("layout", found.layout),
        *((name, f"{table[name].nunique():,}") for name in ("session", "dialogue") if table[name].nunique()),
        *((name, _tally(table[name])) for name in ("language", "split_official") if table[name].nunique()),
        ("not read", f"{len(found.unread):,}"),
        *_odd_lengths(found),
    ]
    seconds = table["seconds"].dropna()
    if len(seconds):
        low, middle, high = (float(seconds.quantile(share)) for share in (0.05, 0.5, 0.95))
        counts.insert(2, ("seconds", f"{middle:.1f} in the median, nine of ten {low:.1f} to {high:.1f}"))
    have = [
        (
            name,
            f"{count:,}",
            "all" if count == total else "none" if not count else f"{total - count:,} lack it",
        )
        for name, count in found.media.items()
    ]
    classes = [
        (str(name), f"{count:,}", f"{count / total:.0%}", "█" * round(30 * count / found.classes().iloc[0]))
        for name, count in found.classes().items()
    ]
    who = [
        (str(name).partition("/")[2], _gender(row.gender), f"{row.utterances:,}", f"{row.hours:.2f} h")
        for name, row in zip(speakers.index, speakers.itertuples(), strict=True)
    ]
    hidden = len(who) - _SPEAKERS_SHOWN
    if hidden > 0:
        most = sorted(who, key=lambda row: -int(row[2].replace(",", "")))[:_SPEAKERS_SHOWN]
        who = [*most, (f"… {hidden} more", "", "", "")]
    nobody = int(table["speaker"].isna().sum())
    if nobody:
        who.append(("nobody named", "", f"{nobody:,}", ""))
    return [
        ("what there is", counts),
        ("modalities", have),
        ("classes", classes),
        (f"speakers: {_by_gender(speakers)}", who),
        ("raters", _agreement(found)),
    ]


def _odd_lengths(found: Description) -> list[tuple[str, str]]:
    """The recordings whose length is not known, and those that are too short for the data contract."""
    seconds = found.table["seconds"]
    rows = {
        "no length": without_length(found.table, seconds),
        f"under {found.shortest_s:g} s": shorter_than(found.shortest_s, found.table, seconds),
    }
    return [(name, listed(paths, 5)) for name, paths in rows.items() if paths]


def _agreement(found: Description) -> list[tuple[str, ...]]:
    if not len(found.entropy):
        return []
    rows = [
        (
            kind or "raters",
            f"{ceiling.raters:.1f} each of {ceiling.utterances:,}",
            f"a person agrees with the others: WA {ceiling.accuracy:.1%}, UA {ceiling.ua:.1%}",
        )
        for kind, ceiling in found.ceilings.items()
    ]
    agreed = float((found.entropy < 1e-9).mean())
    summary = f"{found.entropy.mean():.2f} bits in the mean; all agree on {agreed:.0%}"
    return [*rows, ("entropy", f"of {len(found.entropy):,}", summary)]


def _by_gender(speakers: pd.DataFrame) -> str:
    counts = speakers["gender"].fillna("of unknown gender").value_counts()
    genders = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return f"{len(speakers)}" + (f" ({genders})" if genders else "")


def _gender(value: object) -> str:
    return value if isinstance(value, str) else ""


def _tally(column: pd.Series) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(column.value_counts().items()))


def _of_known(seconds: pd.Series) -> str:
    unknown = int(seconds.isna().sum())
    return f" ({unknown:,} of unknown length)" if unknown else ""


def _grid(rows: list[tuple[str, ...]]):
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    return grid
