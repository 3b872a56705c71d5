"""What both stages that train read: the folds, the features, and what the utterance tables tell beside the label."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..files import digest_of, tree_digest, versions
from ..fusion.reduction import Reduction
from ..schema import LabelSpace, Layout
from .told import UTTERANCES, Told, read_told

FEATURES = Path("data/features")
FOLDS = Path("data/folds.parquet")
DESCRIPTION = Path("data/folds.json")
LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "pandas", "optuna", "safetensors")
"""What the numbers of the search and of training are computed with."""


@dataclass(frozen=True)
class Inputs:
    """Which rows an experiment trains on and how they are read."""

    corpora: list[str]
    modalities: list[str]
    layouts: dict[str, Layout]
    space: LabelSpace
    reduction: Reduction

    @classmethod
    def of(cls, held: Any) -> "Inputs":
        """Of the experiment's `params.Params`."""
        layouts = {name: held.layout(name) for name in held.corpora}
        reduction = Reduction(**held.preparation.model_dump())
        return cls(held.corpora, held.modalities, layouts, held.space(), reduction)

    def told(self, classes: Sequence[str]) -> Told:
        return read_told(self.corpora, self.layouts, space=self.space, classes=classes)

    def digest(
        self, stage: dict[str, Any], *, code: Sequence[Path], also: Sequence[Path] = (), device: str
    ) -> str:
        """Of everything that the outcome of a stage depends on.

        Args:
            stage: its own params; code: the folders of what it runs; also: what else it reads.
        """
        data = [FEATURES / corpus for corpus in self.corpora]
        data += [UTTERANCES / f"{corpus}.parquet" for corpus in self.corpora]
        return digest_of(
            {
                "data": tree_digest([*data, FOLDS, DESCRIPTION, *also]),
                "code": tree_digest([*code]),
                "inputs": asdict(self),
                "stage": stage,
                "device": device,
                "libraries": versions(LIBRARIES),
            }
        )
