"""Corpora on disk, read as utterance tables.

    table = read("ravdess", Path("data/raw/ravdess")).table

Modules::

    adapters            a corpus's layout on disk → the utterance table; one adapter per corpus
    acquire             getting a corpus: downloading, adding, installing in data/raw
    attached            feature tables that come with a corpus
    describe            the list of corpora, statistics, figures
    adapter_interface   what an adapter returns, and the files below a corpus's root
    media_files         names of media files, and links that leave a corpus
    dvc_cache           where DVC's cache is, into which it may link a corpus's files
    media_digests       digests of the media
    tabular             CSV tables, with line numbers for error messages
    recording_length    how long recordings are, by their headers
    guess_pattern       which part of a file's name is the speaker
    labels              words for emotions
    names               one spelling in Unicode for names
    lfs_pointers        Git LFS pointer files
    raters              the raters' votes, and how well they agree
    perceived_labels    the majority vote of a group of raters
    planted_truth       the truth that a control corpus carries
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CorpusError
from ..schema import CORPORA, LAYOUTS, UNSTATED, Layout
from .adapter_interface import MANIFESTS, Adapter, Reading
from .names import normalised
from .planted_truth import is_planted

if TYPE_CHECKING:
    from .attached.by_fold import AttachedByFold
    from .attached.features import Attached


def layout_of(corpus: str, root: Path, stated: Layout = UNSTATED) -> str:
    """The layout of a corpus: the stated one, else by its name, else by whether there is a manifest.

    Args:
        corpus: its name.
        root: its folder.
        stated: what params.yaml states of its layout.

    Returns:
        One of ``schema.LAYOUTS``.
    """
    if stated.layout != "auto":
        return stated.layout
    if corpus in CORPORA:
        return corpus
    return "manifest" if any((Path(root) / name).is_file() for name in MANIFESTS) else "folder"


def adapter(layout: str) -> Adapter:
    """The adapter of a layout.

    Args:
        layout: one of ``schema.LAYOUTS``.

    Returns:
        Its adapter.

    Raises:
        CorpusError: there is none of this name.
    """
    from .adapters import ADAPTERS

    if layout not in ADAPTERS:
        close = difflib.get_close_matches(layout, LAYOUTS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there is one for {', '.join(LAYOUTS)}"
        raise CorpusError(f"no adapter reads the layout {layout!r}; {hint}")
    return ADAPTERS[layout]


def read(corpus: str, root: Path, stated: Layout = UNSTATED) -> Reading:
    """Read a corpus into an utterance table, with a list of the files that cannot be read.

    No recording is decoded, and the digests of the media are null.

    Args:
        corpus: its name.
        root: its folder.
        stated: what params.yaml states of its layout.

    Returns:
        The utterance table, and what is not read.

    Raises:
        CorpusError: the folder is not the corpus, or the corpus does not have the requested raters.
    """
    root = Path(root)
    if not root.is_dir():
        raise CorpusError(f"{root} does not exist; to get it: {obtain(corpus, root.parent)}")
    reading = normalised(adapter(layout_of(corpus, root, stated)).read(root, corpus, stated))
    if stated.raters is None:
        return reading
    from .perceived_labels import perceived

    table = reading.table
    return replace(reading, table=table.assign(label=perceived(table, stated.raters)))


def attached_features(
    corpus: str, root: Path, ids: Iterable[str], stated: Layout = UNSTATED
) -> dict[str, Attached | AttachedByFold]:
    """The pre-computed features that came with a corpus: its own, and those in ``attached/``, which go first.

    Args:
        corpus: its name.
        root: its folder.
        ids: the corpus's utterance ids.
        stated: what params.yaml states of its layout.

    Returns:
        Modality → ``attached.features.Attached``, or ``attached.by_fold.AttachedByFold`` where they differ by test
        fold; sorted.

    Raises:
        CorpusError: features that do not join to the corpus; names the rows.
    """
    from .attached.joining import attached_paths, read_features

    root, ids = Path(root), list(ids)
    reader = adapter(layout_of(corpus, root, stated))
    found: dict[str, Attached | AttachedByFold] = {}
    found.update(reader.features(root, corpus, ids) if reader.features else {})
    for modality, path in attached_paths(root).items():
        found[modality] = read_features(path, corpus, reader.local_id, ids)
    return dict(sorted(found.items()))


def attached_modalities(corpus: str, root: Path, stated: Layout = UNSTATED) -> list[str] | None:
    """The modalities of which features came with a corpus; no table is opened.

    Args:
        corpus: its name.
        root: its folder.
        stated: what params.yaml states of its layout.

    Returns:
        Their names, sorted; None where the corpus has features of its own, of which is known once they are read.

    Raises:
        CorpusError: two tables of one modality, or links that lead out of the corpus.
    """
    from .attached.joining import attached_paths

    if adapter(layout_of(corpus, root, stated)).features is not None:
        return None
    return sorted(attached_paths(root))


def obtain(corpus: str, raw: Path) -> str:
    """How to get a corpus.

    Args:
        corpus: its name.
        raw: the folder of the corpora on disk, data/raw.

    Returns:
        A command, or where to ask, in words.
    """
    if corpus in CORPORA:
        return CORPORA[corpus].obtain
    here = [path.name for path in raw.glob("*") if path.is_dir()]
    close = difflib.get_close_matches(corpus, [*CORPORA, *here], n=1)
    return f"emoflow corpora add {corpus} DIR" + (f" (or did you mean {close[0]!r}?)" if close else "")


__all__ = [
    "Adapter",
    "Reading",
    "adapter",
    "attached_features",
    "attached_modalities",
    "is_planted",
    "layout_of",
    "obtain",
    "read",
]
