"""The stage ``search``: every trial, its learning curves, and what validation chose."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from ..schema import ChooseBy
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
        "ensemble_wa",
        "ensemble_ua",
        "ensemble_loss",
        "ensemble_epoch",
    ),
    STAGE,
)
"""One row per configuration and seed, sorted by strategy, fold, trial and seed. ``config`` and ``schedule`` are JSON;
``status`` is finished, stopped, failed or left out. Scores are of validation. ``wa``, ``ua`` and ``loss`` are the
seed's own at ``best_epoch``, where the mean over the seeds is best; those of the seeds' ensemble are at
``ensemble_epoch``, where the ensemble is best, and are the same in each of the configuration's rows."""

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


class Decision(Part):
    """How validation put a configuration or a strategy first.

    Attributes:
        by: what decided; "order": UA, loss and parameters are equal, so that the order in which they were tried did.
        equal: how many count as equal by UA, see ``search.choice``; 1: UA decided.
    """

    by: Literal["ua", "loss", "parameters", "order"]
    equal: int


class Chosen(Part):
    """The configuration that one fold's validation chose for a strategy.

    Attributes:
        schedule: ``[(epoch, config), …]``, each in force from its epoch (from 1) on; empty where ``config`` held
            throughout.
        epochs: after which validation was best.
        fitted: buffers that the strategy fitted on validation rows, by name.
        validation: by the rule that chooses (``search.choose_by``).
        other: by the other rule, at the epoch that it would choose; None where there is one seed.
        decision: among the configurations.
    """

    trial: int
    config: dict[str, Any]
    schedule: list[tuple[int, dict[str, Any]]]
    parameters: int
    epochs: int
    fitted: dict[str, Any]
    validation: Scores
    other: Scores | None
    decision: Decision


class StrategyChoice(Part):
    """A strategy's choice on each fold.

    Attributes:
        validation: the mean over the folds.
        parameters: of the largest of the chosen configurations.
        across_folds: the configuration that the mean validation scores over the folds put first; None where the folds
            did not try the same configurations.
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
    choose_by: ChooseBy
    rungs: list[int]
    proposals: str
    batches: int
    patience: int | None
    evolve: bool
    failed: int


class OtherChoice(Part):
    """What the rule that does not choose would have chosen from the same trials: the ensemble of the seeds in place of
    their mean, or the mean in place of the ensemble.

    Attributes:
        choose_by: this rule.
        per_fold_best: fold → the strategy that this fold's validation would have put first.
        folds: fold → the configuration of that strategy.
    """

    choose_by: ChooseBy
    per_fold_best: dict[int, str]
    folds: dict[int, Chosen]


class Best(Document):
    """``data/search/best.json``: the choices that validation made.

    Attributes:
        best: the strategy of highest mean validation UA over the folds: the one that is registered.
        decision: among the strategies, over the folds.
        per_fold_best: fold → the strategy that this fold's validation alone put first.
        per_fold_decision: fold → how it did.
        other: what the other rule would have chosen; None where there is one seed.
        left_out: strategy → why nothing was searched for it.
        modalities: those that every fold can train on, or of posteriors fit a temperature on.
        posteriors: those of them that are class probabilities of a model of others, which nothing learns from.
    """

    PATH: ClassVar[str] = "data/search/best.json"
    STAGE: ClassVar[str] = STAGE
    VERSION: ClassVar[int | None] = 2

    strategies: dict[str, StrategyChoice]
    best: str
    decision: Decision
    per_fold_best: dict[int, str]
    per_fold_decision: dict[int, Decision]
    other: OtherChoice | None
    left_out: dict[str, str]
    modalities: list[str]
    posteriors: list[str] = Field(default_factory=list)
    budget: Budget
