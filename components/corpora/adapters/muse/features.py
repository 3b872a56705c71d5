"""Features of a MuSe package by modality: for each utterance the rows within its time span."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ....errors import CorpusError
from ...attached.feature_files import read_numbers
from ...attached.features import Attached
from .package import Package, modality_of, open_package
from .spans import Span, plain, spans_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PLACE = ["segment_id", "timestamp"]
"""Columns of a feature table that say where, and are not features; the others are."""


def features(root: Path, corpus: str, ids: Sequence[str]) -> dict[str, Attached]:
    """Modality → its features. Sets of one modality are laid side by side, where all of them have a row.

    Rows with a cell that is not a finite number (a face that was not found, a pause without words) are left out.

    Raises:
        CorpusError: tables of one set that differ in their columns.
    """
    package = open_package(root)
    sets: dict[str, list[str]] = {}
    for name in sorted(package.feature_files):
        sets.setdefault(modality_of(name), []).append(name)
    known = set(ids)
    spans: dict[str, list[Span]] = {}
    for span in spans_of(package):
        if f"{corpus}/{span.local}" in known:
            spans.setdefault(span.part, []).append(span)
    return {
        modality: _modality(package, corpus, modality, of_modality, spans)
        for modality, of_modality in sorted(sets.items())
    }


def _modality(
    package: Package, corpus: str, modality: str, sets: list[str], spans: dict[str, list[Span]]
) -> Attached:
    import numpy as np

    names: tuple[str, ...] = ()
    tokens, unusable, dropped = {}, {}, 0
    for part, of_part in spans.items():
        table = _part(package, sets, part)
        if table is None:
            continue
        columns = tuple(name for name in table if name not in PLACE)
        if names and names != columns:
            raise CorpusError(
                f"{package.root}: the {modality} features of {part} are {len(columns)}, those before {len(names)}, or "
                "of other names"
            )
        names = columns
        values = table[list(columns)].to_numpy(np.float32)
        whole = np.isfinite(values).all(axis=1)
        dropped += int((~whole).sum())
        for span in of_part:
            rows = values[_within(table, span) & whole]
            if len(rows):
                tokens[f"{corpus}/{span.local}"] = rows
            else:
                unusable[f"{corpus}/{span.local}"] = f"no row of {'+'.join(sets)} within its time"
    notes = (
        (f"{dropped} row(s) of {'+'.join(sets)} with a cell that is not a number are left out",)
        if dropped
        else ()
    )
    return Attached(names, dict(sorted(tokens.items())), dict(sorted(unusable.items())), 0, notes)


def _part(package: Package, sets: list[str], part: str) -> pd.DataFrame | None:
    """A part's rows of all sets side by side, in time; None where a set has none of it."""
    import pandas as pd

    joined = None
    for name in sets:
        files = package.feature_files[name].get(part)
        if not files:
            return None
        table = pd.concat([read_numbers(package.root / path) for path in files], ignore_index=True)
        if "timestamp" not in table:
            raise CorpusError(f"{package.root / files[0]} lacks the column timestamp")
        segments = table["segment_id"].map(plain) if "segment_id" in table else None
        table["segment_id"] = pd.Series(segments, index=table.index, dtype="str").fillna("")
        if len(sets) > 1:
            table = table.rename(columns={each: f"{name}:{each}" for each in table if each not in PLACE})
        joined = table if joined is None else joined.merge(table, on=PLACE)
    return joined.sort_values(PLACE, kind="stable", ignore_index=True)


def _within(table: pd.DataFrame, span: Span) -> np.ndarray:
    import numpy as np

    found = np.ones(len(table), bool)
    if span.segment is not None:
        found &= (table["segment_id"] == span.segment).to_numpy()
    if span.start_ms is not None:
        times = table["timestamp"].to_numpy()
        found &= (times >= span.start_ms) & (times < span.end_ms)
    return found
