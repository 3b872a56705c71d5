"""The stage ``train``: the models of the registered strategy that scored the test folds, one a fold."""

from pathlib import Path
from typing import Any, ClassVar

from .document import Document, Part

FOLDER = Path("data/fold_models")


def weights(fold: int, root: Path = Path()) -> Path:
    """Where the weights of a fold's model lie in the workspace ``root``."""
    return root / FOLDER / f"{fold}.safetensors"


class FoldModel(Part):
    """What it takes to build a fold's model.

    Attributes:
        config: of the strategy.
        seeds: one per member.
        preparation: modality → a plan per encoder, as `fusion.preparation.BlockPlan`.
    """

    config: dict[str, Any]
    seeds: list[int]
    preparation: dict[str, list[dict[str, Any]]]


class FoldModels(Document):
    """``data/fold_models/models.json``: the models beside it.

    Attributes:
        strategy: the registered one.
        classes: in the order of the outputs.
        folds: by number; empty where all weights of one of the strategy's encoders were tuned with it. Of low-rank
            updates the weights are beside the members', under `artifacts.model.TUNED`.
        by_prompts: whether they recognise classes by their prompts, as some of them are unseen.
        tuned: whether encoders were tuned with them, so that the stored features are not what they read.
    """

    PATH: ClassVar[str] = "data/fold_models/models.json"
    STAGE: ClassVar[str] = "train"
    VERSION: ClassVar[int] = 2

    strategy: str
    classes: list[str]
    folds: dict[int, FoldModel]
    by_prompts: bool
    tuned: bool
