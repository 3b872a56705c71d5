"""Corpora and protocols."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .. import corpora, protocols
from ..corpora.media_digests import with_digests
from ..protocols.display_name import display_name, why_inflated
from ..schema import LABEL_SPACES, UNSTATED, LabelSpace, Layout

if TYPE_CHECKING:
    import pandas as pd


def load_corpus(folder: str | Path, *, name: str | None = None, layout: Layout = UNSTATED) -> pd.DataFrame:
    """Read a corpus as its owner ships it.

    Args:
        folder: the corpus's root. Nothing in it is changed.
        name: of the corpus, which says how it is laid out (``emoflow corpora list``); the folder's name by default.
        layout: of a corpus of your own, where file names do not tell; see `emoflow.schema.Layout`.

    Returns:
        The utterance table: one row per utterance, sorted by ``utterance_id``, with the columns of
        ``emoflow.schema.UTTERANCE_COLUMNS``; paths are relative to ``folder``. ``table.attrs["unread"]`` lists the
        files that could not be read, with the reasons.

    Raises:
        CorpusError: the folder does not hold the corpus.
    """
    folder = Path(folder)
    reading = corpora.read(name or folder.resolve().name, folder, layout)
    table = with_digests(reading.table, folder, workers=1)
    table.attrs["unread"] = reading.unread
    return table


@dataclass(frozen=True)
class Folds:
    """Utterances assigned to folds.

    Attributes:
        table: one row per fold and utterance: ``fold, utterance_id, speaker, label, role``; ``role`` is train,
            validation or test.
        classes: the classes in the order of a model's outputs.
        protocol: the protocol's name with its caveats, such as ``iemocap4.random (inflated)``.
        inflated: why figures under it are too good; None where they are not.
        dropped: why → how many utterances of the table were left out.
    """

    table: pd.DataFrame
    classes: tuple[str, ...]
    protocol: str
    inflated: str | None
    dropped: dict[str, int]


def assign_folds(
    table: pd.DataFrame,
    protocol: str = "kfold5",
    *,
    label_space: str | LabelSpace | None = None,
    seed: int = 7,
) -> Folds:
    """Assign the utterances of a table to folds.

    The leakage gate is a stage of the pipeline (``dvc repro``) and does not run here.

    Args:
        table: as `load_corpus` returns it; tables of several corpora may be concatenated.
        protocol: a published one (``ravdess8.luna5``) or a rule (``kfold5``, ``loso``, ``official``, …).
        label_space: a name (``emotion7``) or a space of your own; the labels that the table has by default.
        seed: of a rule's assignment.

    Raises:
        ProtocolError: for an unknown protocol, or one that the table does not suit.
    """
    if label_space is None or isinstance(label_space, str):
        name = label_space or "own"
        space = LABEL_SPACES.get(name) or LabelSpace(name, ())
    else:
        space = label_space
    plan = protocols.protocol(protocol, space, seed=seed)
    selection = protocols.select(plan, table)
    return Folds(
        table=protocols.assigned(plan, selection),
        classes=tuple(selection.classes),
        protocol=display_name(plan, selection),
        inflated=why_inflated(plan, selection),
        dropped=selection.dropped,
    )
