"""Corpora on disk, as utterance tables: one adapter a file, each the only one that knows its corpus's layout.

Where is what::

    the stages              select; utterances, digests
    what reading gives      reading, paths, tabular, labels; roots, recognise
    adapters                crema_d, crema_d_votes; emodb; folder; iemocap, iemocap_documents, iemocap_files; lrs3;
                            manifest, cells; meld, meld_rows; muse, muse_package, muse_spans, muse_features; ravdess
    features that came      features, feature_files, openface
    what raters say         raters, perceived
    taking a corpus in      add, copying, placing; fetch, sources, download, lfs, unpack, megabytes
    telling of one          listing, describe, durations, portrait
    making one              control; takes, sentences, displays, streams; truth, bayes; layouts;
                            studio, voicing, speech, drawing, canvas, recording
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CorpusError
from ..schema import CORPORA, LAYOUTS, UNSTATED, Layout
from .reading import MANIFESTS, Adapter, Reading, is_planted

if TYPE_CHECKING:
    from .features import Attached

_MODULES = {name: f".{name.replace('-', '_')}" for name in LAYOUTS} | {"control": ".manifest"}


def layout_of(corpus: str, root: Path, stated: Layout = UNSTATED) -> str:
    """Which layout a corpus has: as stated, else by its name, else by whether a manifest is there."""
    if stated.layout != "auto":
        return stated.layout
    if corpus in CORPORA:
        return corpus
    return "manifest" if any((Path(root) / name).is_file() for name in MANIFESTS) else "folder"


def adapter(layout: str) -> Adapter:
    """The adapter of a layout.

    Raises:
        CorpusError: there is none of this name.
    """
    if layout not in _MODULES:
        close = difflib.get_close_matches(layout, LAYOUTS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there is one for {', '.join(LAYOUTS)}"
        raise CorpusError(f"no adapter reads the layout {layout!r}; {hint}")
    return import_module(_MODULES[layout], __name__).ADAPTER


def read(corpus: str, root: Path, stated: Layout = UNSTATED) -> Reading:
    """The corpus in the folder ``root`` as an utterance table, and what is there and cannot be read.

    The digests of the media are left null: reading opens no recording.

    Raises:
        CorpusError: the folder does not hold the corpus, or not the raters whose label is asked for.
    """
    root = Path(root)
    if not root.is_dir():
        raise CorpusError(f"{root} is not there; have it by: {obtain(corpus, root.parent)}")
    reading = adapter(layout_of(corpus, root, stated)).read(root, corpus, stated)
    if stated.raters is None:
        return reading
    from .perceived import perceived

    table = reading.table
    return replace(reading, table=table.assign(label=perceived(table, stated.raters)))


def attached(corpus: str, root: Path, ids: Iterable[str], stated: Layout = UNSTATED) -> dict[str, Attached]:
    """The pre-computed features that came with a corpus: its own, and those in ``attached/``, which go first.

    Args:
        ids: the corpus's utterance ids.

    Returns:
        Modality → ``features.Attached``, sorted.

    Raises:
        CorpusError: features that do not join to the corpus; names the rows.
    """
    from .features import attached_paths, read_features

    root, ids = Path(root), list(ids)
    reader = adapter(layout_of(corpus, root, stated))
    found = reader.features(root, corpus, ids) if reader.features else {}
    for modality, path in attached_paths(root).items():
        found[modality] = read_features(path, corpus, reader.local_id, ids)
    return dict(sorted(found.items()))


def obtain(corpus: str, raw: Path) -> str:
    """What to do to have a corpus; ``raw`` is what holds the corpora that are here, data/raw."""
    if corpus in CORPORA:
        return CORPORA[corpus].obtain
    here = [path.name for path in raw.glob("*") if path.is_dir()]
    close = difflib.get_close_matches(corpus, [*CORPORA, *here], n=1)
    return f"emoflow corpora add {corpus} DIR" + (f" (or did you mean {close[0]!r}?)" if close else "")


__all__ = ["Adapter", "Reading", "adapter", "attached", "is_planted", "layout_of", "obtain", "read"]
