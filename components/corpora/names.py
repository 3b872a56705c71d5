"""Names in Unicode: one spelling for each speaker, session, dialogue and label, whatever the files' code points are.

Systems write ``ü`` as one code point or as two (macOS in file names), and both look alike. Names are kept in Unicode's
normalisation form C (Unicode Standard Annex 15); paths stay as they are on disk.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import listed
from .adapter_interface import Reading

if TYPE_CHECKING:
    import pandas as pd

NAMES = "speaker", "session", "dialogue", "label_raw"
"""Columns of the utterance table that hold names."""


def nfc(text: str) -> str:
    """A text in Unicode's normalisation form C.

    Args:
        text: any text.

    Returns:
        The text, every letter with an accent as one code point where there is one.
    """
    return unicodedata.normalize("NFC", text)


def normalised(reading: Reading) -> Reading:
    """A reading with its names in form C, and a note of those that differ in case alone.

    ``Anna`` and ``anna`` stay two speakers, since they may be; the note lets the user decide.

    Args:
        reading: what an adapter read.

    Returns:
        The reading; its ids and paths unchanged.
    """
    columns = (*NAMES, "raters")
    table = reading.table.assign(
        **{column: reading.table[column].map(nfc, na_action="ignore").astype("str") for column in columns}
    )
    notes = [
        {
            "path": column,
            "reason": f"{len(several)} name(s) written in several ways, taken as different ones: {listed(several)}",
        }
        for column in NAMES
        if (several := _alike(table, column))
    ]
    unread = sorted([*reading.unread, *notes], key=lambda each: each["path"]) if notes else reading.unread
    return replace(reading, table=table, unread=unread)


def _alike(table: pd.DataFrame, column: str) -> list[str]:
    """The names of a column that differ in case alone, in groups; of labels only those that are no known emotion."""
    rows = table[table["label"].isna()] if column == "label_raw" else table
    spellings = defaultdict(list)
    for name in sorted(rows[column].dropna().unique()):
        spellings[name.casefold()].append(
            name if column == "label_raw" else name.removeprefix(f"{rows['corpus'].iloc[0]}/")
        )
    return [" and ".join(names) for names in spellings.values() if len(names) > 1]
