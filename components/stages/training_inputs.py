"""What both stages that train read: the folds, the features, and the utterance tables' votes and side targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import fusion, training
from ..artifacts import features
from ..artifacts.folds import FOLDS, Folds
from ..artifacts.utterances import UTTERANCES
from ..encoders import FeatureStore, open_all
from ..files import digest_of, tree_digest, versions
from ..fusion.reduction import Reduction
from ..params import Params
from ..schema import LabelSpace, Layout
from ..training.auxiliary_targets import COLUMNS, AuxiliaryTargets, auxiliary_targets_of
from ..training.rows import Fold, folds_of, lacking

if TYPE_CHECKING:
    import pandas as pd

LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "pandas", "optuna", "ray", "safetensors")
"""What the search and training compute with."""
CODE = [Path(training.__file__).parent, Path(fusion.__file__).parent]


@dataclass(frozen=True)
class Inputs:
    """Which rows an experiment trains on and how they are read."""

    corpora: list[str]
    modalities: list[str]
    layouts: dict[str, Layout]
    space: LabelSpace
    reduction: Reduction

    @classmethod
    def of(cls, experiment: Params) -> Inputs:
        layouts = {name: experiment.layout(name) for name in experiment.corpora}
        reduction = Reduction(**experiment.preparation.model_dump())
        return cls(experiment.corpora, experiment.modalities, layouts, experiment.space(), reduction)

    @cached_property
    def protocol(self) -> Folds:
        return Folds.read()

    @cached_property
    def folds(self) -> list[Fold]:
        return folds_of(FOLDS.read(), self.protocol.classes, unseen=self.protocol.unseen)

    @cached_property
    def store(self) -> FeatureStore:
        return open_all(features.FOLDER, self.corpora)

    @cached_property
    def missing_in(self) -> dict[str, list[int]]:
        """Modality that is stored → the folds of which no training utterance has it; of posteriors no validation
        utterance."""
        return {
            name: lacking(partial(self.store.ids, name), self.folds, posteriors=name in self.posteriors)
            for name in self.modalities
            if name in self.store.modalities
        }

    @cached_property
    def posteriors(self) -> list[str]:
        """The modalities that are class probabilities of a model of others."""
        return [
            name
            for name in self.modalities
            if name in self.store.modalities and self.store.holds_posteriors(name)
        ]

    @property
    def trainable(self) -> list[str]:
        """The modalities that every fold can train on, or of posteriors fit a temperature on."""
        return [name for name in self.modalities if self.missing_in.get(name) == []]

    def utterances(self, columns: Sequence[str]) -> pd.DataFrame:
        """Columns of the corpora's utterance tables, one after another."""
        import pandas as pd

        tables = [UTTERANCES.read(corpus=name, columns=columns) for name in self.corpora]
        return pd.concat(tables, ignore_index=True)

    def auxiliary_targets(self) -> AuxiliaryTargets:
        """Raters' votes and side targets, of all utterances."""
        return auxiliary_targets_of(
            self.utterances(COLUMNS), self.layouts, space=self.space, classes=self.protocol.classes
        )

    def digest(
        self, stage: dict[str, Any], *, code: Sequence[Path] = (), also: Sequence[Path] = (), device: str
    ) -> str:
        """The digest of everything that the outcome of a stage depends on.

        Args:
            stage: its own params.
            code: the folders of what it runs beside fusion and training.
            also: what it reads beside folds, features and utterances.
        """
        data = [features.FOLDER / corpus for corpus in self.corpora]
        data += [UTTERANCES.path(corpus=corpus) for corpus in self.corpora]
        return digest_of(
            {
                "data": tree_digest([*data, FOLDS.path(), Folds.path(), *also]),
                "code": tree_digest([*code, *CODE]),
                "inputs": asdict(self),
                "libraries": versions(LIBRARIES),
                "stage": stage,
                "device": device,
            }
        )
