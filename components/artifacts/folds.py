"""The stage ``folds``: which utterance has which role in which fold, and what the leakage gate found."""

from typing import ClassVar

from .document import Document, Part, Table

STAGE = "folds"

FOLDS = Table("data/folds.parquet", ("fold", "utterance_id", "speaker", "label", "role"), STAGE)
"""One row per fold and utterance. ``role`` is train, validation, test or unlabelled; ``label`` one of the classes."""


class Finding(Part):
    """Something that the leakage gate found, or the evaluation.

    Attributes:
        kind: of the gate, as `leakage.KINDS` and `leakage.NOTES` name them.
        severity: critical, warning or info.
        fold: None for what holds in all folds alike.
        rows: ids of utterances concerned, some of them; ``count`` is of all.
    """

    kind: str
    severity: str
    fold: int | None
    rows: list[str]
    count: int
    explanation: str
    advice: str


class Waived(Part):
    """A kind of leak that is there and that the gate lets through, with the reason.

    Attributes:
        count: utterances concerned, in the fold that has most.
    """

    kind: str
    reason: str
    count: int


class FoldSize(Part):
    """How many utterances have each role in a fold, and who speaks in its test."""

    fold: int
    test_speakers: list[str]
    train: int
    validation: int
    test: int
    unlabelled: int


class Folds(Document):
    """``data/folds.json``: the protocol that the folds follow.

    Attributes:
        protocol: its name as every figure carries it, with its caveats: ``iemocap4.random (inflated)``.
        id: its name alone.
        selection: in words, what configurations are chosen by.
        inflated: why figures under it are too good; None where they are not.
        shots: labelled clips per class of a few-shot protocol, otherwise None.
        unseen: the classes that a zero-shot protocol keeps from training and validation.
        classes: in the order of the model's outputs.
        digest: SHA-256 of the fold table's rows; the same folds have the same digest.
        count: of folds. utterances: with a label, in all of them.
        unlabelled: corpus → utterances that are learned from without a label.
        speakers: in words, whose utterances these are.
        dropped: why → utterances that were left out. dropped_by_corpus: the same for each corpus.
        text_repeats: whether test sentences are nearly all known from training and say nothing of the label.
    """

    PATH: ClassVar[str] = "data/folds.json"
    STAGE: ClassVar[str] = STAGE

    protocol: str
    id: str
    title: str
    source: str
    selection: str
    inflated: str | None
    shots: int | None
    unseen: list[str]
    label_space: str
    classes: list[str]
    digest: str
    count: int
    utterances: int
    unlabelled: dict[str, int]
    speakers: str
    folds: list[FoldSize]
    waived: list[Waived]
    dropped: dict[str, int]
    dropped_by_corpus: dict[str, dict[str, int]]
    findings: list[Finding]
    text_repeats: bool

    @property
    def scarce(self) -> bool:
        """Whether the protocol is few-shot or zero-shot, so that not all rows may be learned from in the end."""
        return self.shots is not None or bool(self.unseen)


class Leakage(Document):
    """``reports/leakage.json``: the gate's findings. It is written when the gate refuses, too."""

    PATH: ClassVar[str] = "reports/leakage.json"
    STAGE: ClassVar[str] = STAGE

    protocol: str
    findings: list[Finding]
    waived: list[Waived]
