"""The stage ``search``: every trial, its learning curves, and what validation chose."""

from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from .document import Document, Part, Table

STAGE = "search"
FOLDER = Path("data/search")

TRIALS = Table(
    "data/search/trials.parquet",
    (
        "strategy",
        "fold",
        "batch",
        "trial",
        "seed",
        "config",
        "schedule",
        "parameters",
        "rung",
        "epochs",
        "status",
        "reason",
        "wa",
        "ua",
        "loss",
        "best_epoch",
    ),
    STAGE,
)
"""One row per configuration and seed, sorted by strategy, fold, trial and seed. ``config`` and ``schedule`` are JSON;
``status`` is finished, stopped, failed or left out. Scores are of validation, at the configuration's best epoch."""

CURVES = Table(
    "data/search/curves.parquet",
    ("strategy", "fold", "trial", "seed", "epoch", "train_loss", "loss", "wa", "ua"),
    STAGE,
)
"""One row per configuration, seed and epoch (from 1): the training loss, and loss and scores of validation."""


class Scores(Part):
    """Scores of validation."""

    wa: float
    ua: float
    loss: float


class Chosen(Part):
    """The configuration that one fold's validation chose for a strategy.

    Attributes:
        schedule: ``[(epoch, config), …]``, each in force from its epoch (from 1) on; empty where ``config`` held
            throughout.
        epochs: after which validation was best.
        fitted: buffers that the strategy fitted on validation rows, by name.
    """

    trial: int
    config: dict[str, Any]
    schedule: list[tuple[int, dict[str, Any]]]
    parameters: int
    epochs: int
    fitted: dict[str, Any]
    validation: Scores


class StrategyChoice(Part):
    """A strategy's choice on each fold.

    Attributes:
        validation: the mean over the folds.
        parameters: of the largest of the chosen configurations.
        across_folds: the configuration of highest mean validation UA over the folds; None where the folds did not try
            the same configurations.
    """

    folds: dict[int, Chosen]
    validation: Scores
    parameters: int
    across_folds: Chosen | None = None


class Budget(Part):
    """What every strategy was given on each fold, as params.yaml states it, and how many trials failed."""

    configurations: int
    epochs: int
    folds: int
    seeds: int
    rungs: list[int]
    proposals: str
    batches: int
    patience: int | None
    evolve: bool
    failed: int


class Best(Document):
    """``data/search/best.json``: the choices that validation made.

    Attributes:
        best: the strategy of highest mean validation UA over the folds: the one that is registered.
        per_fold_best: fold → the strategy that this fold's validation alone put first.
        left_out: strategy → why nothing was searched for it.
        modalities: those that every fold can train on, or of posteriors fit a temperature on.
        posteriors: those of them that are class probabilities of a model of others, which nothing learns from.
    """

    PATH: ClassVar[str] = "data/search/best.json"
    STAGE: ClassVar[str] = STAGE
    VERSION: ClassVar[int] = 2

    strategies: dict[str, StrategyChoice]
    best: str
    per_fold_best: dict[int, str]
    left_out: dict[str, str]
    modalities: list[str]
    posteriors: list[str] = Field(default_factory=list)
    budget: Budget
