"""Corpora on disk, as utterance tables: one adapter a file, each the only one that knows its corpus's layout."""

from pathlib import Path

from ..errors import CorpusError
from . import manifest, ravdess
from .features import read_features
from .reading import Adapter, Reading

ADAPTERS: dict[str, Adapter] = {
    "control": manifest.adapter("control"),
    "ravdess": ravdess.ADAPTER,
}


def adapter(corpus: str) -> Adapter:
    """The adapter of a corpus.

    Raises:
        CorpusError: there is none of this name.
    """
    if corpus not in ADAPTERS:
        raise CorpusError(f"no adapter reads {corpus!r}; there is one for {', '.join(ADAPTERS)}")
    return ADAPTERS[corpus]


def read(corpus: str, root: Path) -> Reading:
    """The corpus in the folder ``root`` as an utterance table, and what is there and cannot be read.

    The digests of the media are left null: reading opens no recording.

    Raises:
        CorpusError: there is no such corpus, or the folder does not hold it.
    """
    root = Path(root)
    if not root.is_dir():
        raise CorpusError(f"{root} is not there; have it by: {_obtain(corpus)}")
    return adapter(corpus).read(root)


def attached(corpus: str, root: Path) -> dict:
    """The pre-computed feature tables that came with a corpus: ``attached/<modality>.csv``.

    Returns:
        For each modality a table of float32 columns, its index named ``utterance_id``, sorted.

    Raises:
        CorpusError: a table that does not join to the corpus; names the rows.
    """
    paths = sorted((Path(root) / "attached").glob("*.csv"))
    if not paths:
        return {}
    ids = read(corpus, root).table["utterance_id"]
    return {path.stem: read_features(path, corpus, adapter(corpus).local_id, ids) for path in paths}


def _obtain(corpus: str) -> str:
    from ..schema import CORPORA

    return CORPORA[corpus].obtain if corpus in CORPORA else "emoflow corpora list"


__all__ = ["ADAPTERS", "Adapter", "Reading", "adapter", "attached", "read"]
