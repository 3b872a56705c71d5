"""A sub-challenge's package of MuSe 2021 to 2023, as published on Zenodo: labels, features and official partition.

    humour        ``label_segments/<coach>/*.csv``: ``timestamp_start, timestamp_end, segment_id, …, <label>``
    continuous    ``label_segments/<dimension>/<id>.csv``: ``timestamp, value[, segment_id]``: valence, arousal
    clips         ``labels.csv``: ``filename`` or ``File_ID``, and the intensity of each emotion

So MuSe-Humor (2022, 2023), -Wilder (2021), -Physio (2021), -Stress (2021, 2022), -Personalisation (2023), -Mimic
(2023) and -Reaction (2022) are covered; MuSe-Sent (2021) is not. Stappen et al. (2021), *The MuSe 2021 Multimodal
Sentiment Analysis Challenge*; Christ et al. (2022, 2023), *The MuSe 2022 …*, *The MuSe 2023 Multimodal Sentiment
Analysis Challenge*. Timestamps are milliseconds.

An utterance is a window, a segment or a clip. A package has no recordings: its features are the modalities.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ....errors import CorpusError, listed
from ....schema import UNSTATED, Layout
from ... import labels
from ...adapter_interface import Adapter, Reading, unread_list, utterance_table
from .features import features
from .package import DIMENSIONS, Package, clean, open_package, person_of
from .spans import Span, intensities, spans_of, strange_curves

if TYPE_CHECKING:
    import pandas as pd


def read(root: Path, corpus: str = "muse", stated: Layout = UNSTATED) -> Reading:
    """The package in ``root``: one row a window, a segment or a clip; the curves' means in its columns.

    Of clips ``label_raw`` is the emotion of the highest intensity; ``annotations`` has all of them, and the curves.
    Who speaks in a clip of MuSe-Mimic or -Reaction is not published: the speaker is null.

    Raises:
        CorpusError: this is not a package of MuSe, or its tables are not as described.
    """
    package = open_package(root)
    spans = spans_of(package)
    if not spans:
        raise CorpusError(
            f"{root}: nothing that {package.partition} names is here: {listed(package.parts)}; is the package whole?"
        )
    unread = package.strays | strange_curves(package)
    gone = set(package.parts) - {span.part for span in spans}
    unread |= dict.fromkeys(gone, f"{package.partition} names it, and nothing of it is here")
    if package.kind == "clips":
        path = package.label_files[""][""][0]
        strange = set(intensities(package).index) - set(package.parts)
        unread |= {f"{path}: {clip}": f"{package.partition} does not name it" for clip in strange}
    table = utterance_table(_row(corpus, span, package, stated) for span in spans)
    return Reading(table, unread_list(unread, package.droppings))


def annotations(root: Path, corpus: str = "muse") -> pd.DataFrame:
    """All that annotators said, and not only the means.

    Returns:
        utterance_id, dimension (as its folder or column is named), time_s (of a curve's point, in the recording; null
        of a clip's intensity), value; sorted.

    Raises:
        CorpusError: as ``read``.
    """
    import pandas as pd

    package = open_package(root)
    if package.kind == "clips":
        table = intensities(package)
        table = table[table.index.isin(list(package.parts))].melt(ignore_index=False, var_name="dimension")
        table = table.reset_index(names="local").assign(time_s=float("nan"))
    else:
        curves = [
            curve.assign(local=span.local, dimension=name, time_s=curve["timestamp"] / 1000)
            for span in spans_of(package)
            for name, curve in span.curves.items()
        ]
        empty = pd.DataFrame(columns=["local", "dimension", "time_s", "value"])
        table = pd.concat(curves, ignore_index=True) if curves else empty
    table["utterance_id"] = f"{corpus}/" + table["local"].astype("str")
    table = table[["utterance_id", "dimension", "time_s", "value"]].dropna(subset="value")
    return table.sort_values(["utterance_id", "dimension", "time_s"], ignore_index=True)


def local_id(name: str) -> str | None:
    """``baum_3_2000``, with ``.csv`` or without, in any folder."""
    return clean(name.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".csv")) or None


def _row(corpus: str, span: Span, package: Package, stated: Layout) -> dict:
    row = {
        "utterance_id": f"{corpus}/{span.local}",
        "corpus": corpus,
        "language": stated.language,
        "label_raw": span.raw,
        "label": span.raw and labels.label_of(span.raw, stated.labels),
        "split_official": package.parts[span.part],
    }
    if package.kind != "clips":
        row["speaker"] = row["session"] = f"{corpus}/{person_of(span.part)}"
        row["start_s"], row["end_s"] = span.start_ms / 1000, span.end_ms / 1000
    low, high = stated.scale
    for name, curve in span.curves.items():
        if len(curve):
            row.setdefault(DIMENSIONS[name], (curve["value"].mean() - low) / (high - low) * 2 - 1)
    return row


ADAPTER = Adapter(read=read, local_id=local_id, features=features)
