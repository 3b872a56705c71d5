"""Utterances of a MuSe package: labelled windows, segments of annotation curves, clips with intensities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ....errors import CorpusError, listed
from ...attached.feature_files import read_numbers
from ...tabular import read_rows
from .package import DIMENSIONS, HOP_MS, LABELS, Package, clean

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Span:
    """One utterance.

    Attributes:
        local: its id within the corpus.
        part: which of the partition's it is of.
        segment: of the recording, as its tables number it; None where only the time says so.
        start_ms, end_ms: in the recording, the end not in it; None: all of it.
        raw: the label as it is written.
        curves: dimension → columns ``timestamp``, ``value``, of this span alone.
    """

    local: str
    part: str
    segment: str | None = None
    start_ms: float | None = None
    end_ms: float | None = None
    raw: str | None = None
    curves: dict[str, pd.DataFrame] = field(default_factory=dict)


def spans_of(package: Package) -> list[Span]:
    """Every utterance of a package, in no order.

    Raises:
        CorpusError: its tables are not as described, or have a span twice.
    """
    found = {"humour": _windows, "continuous": _segments, "clips": _clips}[package.kind](package)
    seen: set[str] = set()
    twice = [span.local for span in found if span.local in seen or seen.add(span.local)]
    if twice:
        raise CorpusError(
            f"{package.root}: {len(twice)} window(s) or segment(s) are there twice: {listed(twice)}; leave one of them"
        )
    return found


def intensities(package: Package) -> pd.DataFrame:
    """Of clips: index their names, a column an emotion.

    Raises:
        CorpusError: a clip without a name or twice, cells that are not numbers; names the lines.
    """
    import pandas as pd

    path = package.label_files[""][""][0]
    table = read_rows(package.root / path)
    clips = table.iloc[:, 0].map(clean, na_action="ignore")
    wrong = clips[clips.duplicated() | clips.isna()]
    if len(wrong):
        raise CorpusError(f"{package.root / path}: no name, or one twice, in line(s) {listed(wrong.index)}")
    columns = {
        name.strip("_ "): _numbers(package, path, table, name).to_numpy() for name in table.columns[1:]
    }
    return pd.DataFrame(columns, index=pd.Index(clips, name="clip"))


def plain(value: object) -> str | None:
    """``1`` of ``1``, ``1.0`` and 1.0; words as they are; None where there is nothing."""
    if value is None or value != value:
        return None
    try:
        return f"{float(value):.15g}"
    except ValueError:
        return str(value)


def _windows(package: Package) -> list[Span]:
    """A row of a label table is an utterance; in the test part the label may be empty."""
    found = []
    for part, files in package.label_files.get("", {}).items():
        for path in files:
            table = read_rows(package.root / path, ["timestamp_start", "timestamp_end", "segment_id"])
            start, end = (_numbers(package, path, table, f"timestamp_{edge}") for edge in ("start", "end"))
            odd = ~(end > start) | table["segment_id"].isna()
            if odd.any():
                raise CorpusError(
                    f"{package.root / path}: no segment, or an end that is not after the start, in line(s) "
                    f"{listed(table.index[odd])}"
                )
            for segment, begins, ends, label in zip(
                table["segment_id"].map(plain), start, end, table.iloc[:, -1], strict=True
            ):
                local = f"{part}_{segment}_{plain(begins)}"
                found.append(Span(local, part, segment, begins, ends, plain(label)))
    return found


def _segments(package: Package) -> list[Span]:
    """A segment is an utterance, as the curves or else the features number it; without numbers, all of a recording."""
    found = []
    for part in package.parts:
        curves = {
            name: _curve(package, files[part][0])
            for name, files in sorted(package.label_files.items())
            if part in files and name in DIMENSIONS
        }
        for local, start, end in _extents(package, part, curves):
            within = {
                name: curve[(curve["timestamp"] >= start) & (curve["timestamp"] < end)].dropna()
                for name, curve in curves.items()
            }
            found.append(Span(local, part, None, start, end, None, within))
    return found


def _curve(package: Package, path: str) -> pd.DataFrame:
    table = read_numbers(package.root / path)
    missing = {"timestamp", "value"} - set(table)
    if missing:
        raise CorpusError(f"{package.root / path} lacks the column(s) {listed(sorted(missing))}")
    return table


def _extents(package: Package, part: str, curves: dict[str, pd.DataFrame]) -> list[tuple[str, float, float]]:
    """The segments of a recording: local id, and from which millisecond up to which."""
    tables = list(curves.values())
    first = next(
        (files[part][0] for _, files in sorted(package.feature_files.items()) if part in files), None
    )
    if first and not any("segment_id" in table for table in tables):
        tables.append(read_numbers(package.root / first))
    numbered = next((table for table in tables if {"timestamp", "segment_id"} <= set(table)), None)
    if numbered is not None:
        spans = numbered.groupby("segment_id")["timestamp"].agg(["min", "max"])  # rows of no segment fall out
        return [
            (f"{part}_{plain(segment)}", span["min"], span["max"] + HOP_MS)
            for segment, span in spans.iterrows()
        ]
    times = next((table["timestamp"] for table in tables if "timestamp" in table), None)
    return [] if times is None else [(part, times.min(), times.max() + HOP_MS)]


def _clips(package: Package) -> list[Span]:
    """A clip is an utterance, its label the emotion of the highest intensity; in the test part there may be none."""
    table = intensities(package)
    labelled = table.dropna()
    highest = labelled.idxmax(axis=1) if len(labelled) else {}
    there = set(table.index) | {part for files in package.feature_files.values() for part in files}
    return [Span(clip, clip, raw=highest.get(clip)) for clip in package.parts if clip in there]


def _numbers(package: Package, path: str, table: pd.DataFrame, column: str) -> pd.Series:
    import pandas as pd

    found = pd.to_numeric(table[column], errors="coerce").astype("float64")
    wrong = found.isna() & table[column].notna()
    if wrong.any():
        raise CorpusError(
            f"{package.root / path}: {column} is not a number in line(s) {listed(table.index[wrong])}"
        )
    return found


def strange_curves(package: Package) -> dict[str, str]:
    """Folders of curves that are of no dimension of the utterance table → why they are not read."""
    if package.kind != "continuous":
        return {}
    strange = [name for name in package.label_files if name not in DIMENSIONS]
    return dict.fromkeys(
        (f"{LABELS}/{name}" for name in strange), "curves of what is neither valence nor arousal"
    )
