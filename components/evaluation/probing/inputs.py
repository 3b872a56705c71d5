"""What the probes read of a workspace: the utterances of its folds, the folds, and the feature store."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...artifacts import features
from ...artifacts.corpora import RAW
from ...artifacts.fold_models import FoldModels
from ...artifacts.folds import FOLDS, Folds
from ...artifacts.utterances import UTTERANCES
from ...encoders import FeatureStore, open_all
from ...errors import EvaluationError, listed
from ...training.rows import Fold, folds_of

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "utterance_id",
    "corpus",
    "speaker",
    "speaker_gender",
    "language",
    "text",
    "audio",
    "video",
)


@dataclass(frozen=True)
class Inputs:
    """An experiment up to its folds.

    Attributes:
        protocol: what the folds follow.
        folds: in their order.
        utterances: `COLUMNS` of the utterances that have a role in some fold, sorted by id.
        store: their features.
        raw: the folder that the corpora's recordings are in, each corpus in a folder of its name.
        models: those that scored the test folds; None before the stage ``train``.
        root: the workspace.
    """

    protocol: Folds
    folds: Sequence[Fold]
    utterances: "pd.DataFrame"
    store: FeatureStore
    raw: Path
    models: FoldModels | None
    root: Path

    @classmethod
    def read(cls, corpora: Sequence[str], root: Path = Path()) -> "Inputs":
        """Read a workspace.

        Args:
            corpora: that the experiment is of.
            root: the workspace.

        Raises:
            FeatureError: features that are missing or broken.
            ArtifactError: folds or utterance tables that are missing or broken.
            EvaluationError: folds of utterances that the tables do not have.
        """
        import pandas as pd

        store = open_all(root / features.FOLDER, corpora)
        protocol, table = Folds.read(root), FOLDS.read(root)
        tables = [UTTERANCES.read(root, corpus=name, columns=COLUMNS) for name in corpora]
        utterances = pd.concat(tables, ignore_index=True)
        used = set(table["utterance_id"])
        if strange := sorted(used - set(utterances["utterance_id"])):
            raise EvaluationError(
                f"{FOLDS.path(root)} has utterances that are in no utterance table of {listed(corpora)}: "
                f"{listed(strange)}; make the folds again: dvc repro folds"
            )
        kept = utterances[utterances["utterance_id"].isin(used)]
        return cls(
            protocol=protocol,
            folds=folds_of(table, protocol.classes, unseen=protocol.unseen),
            utterances=kept.sort_values("utterance_id", ignore_index=True),
            store=store,
            raw=root / RAW,
            models=FoldModels.read(root) if FoldModels.path(root).exists() else None,
            root=root,
        )
