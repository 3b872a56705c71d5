"""The stage ``utterances``: the utterance table, what could not be read, and the limits that are known of a corpus."""

from pathlib import Path
from typing import Any, ClassVar

from ..schema import UTTERANCE_COLUMNS
from .document import Document, Part, Table

STAGE = "utterances@{corpus}"
FOLDER = Path("data/utterances")
CEILINGS = Path("data/ceilings")

UTTERANCES = Table("data/utterances/{corpus}.parquet", tuple(UTTERANCE_COLUMNS), STAGE)
"""One row per utterance, sorted by ``utterance_id``; the columns are those of ``schema.UTTERANCE_COLUMNS``."""

ORACLE = Table(
    "data/ceilings/{corpus}/oracle.parquet",
    ("utterance_id", "subset", "label", "prediction", "correct"),
    STAGE,
)
"""The Bayes-optimal classifier's answers on a corpus with planted truth: one row per utterance and subset of
modalities. ``p_<label>`` columns hold the posterior. No rows where nothing is planted."""


class UnreadFile(Part):
    """A file of the corpus that its adapter could not read.

    Attributes:
        path: relative to the corpus's root.
    """

    path: str
    reason: str


class Unread(Document):
    """``data/utterances/<corpus>.unread.json``: the files that the adapter could not read, with the reasons."""

    PATH: ClassVar[str] = "data/utterances/{corpus}.unread.json"
    STAGE: ClassVar[str] = STAGE

    files: list[UnreadFile]


class Agreement(Part):
    """How well one rater agrees with the majority of the others, of raters of one kind.

    Attributes:
        accuracy, ua: from 0 to 1; ``ua`` is the mean of the labels' recalls.
        utterances: how many were rated by two raters or more; the others do not count.
        raters: of such an utterance, on average.
    """

    accuracy: float
    ua: float
    utterances: int
    raters: float


class People(Document):
    """``data/ceilings/<corpus>/people.json``: agreement by kind of rater; empty where the corpus has none."""

    PATH: ClassVar[str] = "data/ceilings/{corpus}/people.json"
    STAGE: ClassVar[str] = STAGE

    agreement: dict[str, Agreement]


class Ceilings(Document):
    """``data/ceilings/<corpus>/ceilings.json``: the best accuracy that any model can reach on planted truth.

    Attributes:
        truth: the parameters that the corpus was synthesised with.
        population: subset of modalities (``"audio+text"``) → accuracy expected over all utterances that could be drawn.
        oracle: the same, of the utterances that were drawn.

    All are empty where nothing is planted.
    """

    PATH: ClassVar[str] = "data/ceilings/{corpus}/ceilings.json"
    STAGE: ClassVar[str] = STAGE

    truth: dict[str, Any]
    population: dict[str, float]
    oracle: dict[str, float]
