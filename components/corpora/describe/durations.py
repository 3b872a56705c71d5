"""Utterance durations without decoding: from the annotated times, else from the file's header."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...schema import CUT
from ..recording_length import lengths

if TYPE_CHECKING:
    import pandas as pd


def durations(table: pd.DataFrame, root: Path, *, workers: int) -> pd.Series:
    """How long each utterance is.

    Args:
        table: the utterance table.
        root: of the corpus.
        workers: how many headers are read at once.

    Returns:
        Seconds, in the table's order; NaN where neither times nor a header tell it.
    """
    import pandas as pd

    lasts = (table["end_s"] - table["start_s"]).where(lambda seconds: seconds > 0)
    media = table["audio"].fillna(table["video"])
    lasts = lasts.fillna(_by_part(media))
    by_path = lengths(root, media[lasts.isna() & media.notna()], workers=workers)
    return lasts.fillna(pd.to_numeric(media.map(by_path)))


def _by_part(media: pd.Series) -> pd.Series:
    """The lengths of those that are named as parts of a recording; see ``schema.CUT``."""
    times = media.str.extract(CUT)
    return times[1].astype("float64") - times[0].astype("float64")


def without_length(table: pd.DataFrame, seconds: pd.Series) -> list[str]:
    """The recordings whose length is not known: a broken file, most likely.

    Args:
        table: the utterance table.
        seconds: `durations` of it.

    Returns:
        Their paths, sorted.
    """
    return sorted(set(table["audio"].fillna(table["video"])[seconds.isna()].dropna()))


def shorter_than(shortest_s: float, table: pd.DataFrame, seconds: pd.Series) -> list[str]:
    """The recordings that are shorter than a bound.

    Args:
        shortest_s: the bound, ``validation.shortest_s`` of params.
        table: the utterance table.
        seconds: `durations` of it.

    Returns:
        Path and length of each, in the table's order.
    """
    media = table["audio"].fillna(table["video"]).fillna(table["utterance_id"])
    short = seconds < shortest_s
    return [f"{path} ({lasts:.2g} s)" for path, lasts in zip(media[short], seconds[short], strict=True)]
