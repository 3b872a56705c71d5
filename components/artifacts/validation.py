"""The stage ``validate``: the data contract's verdict, and the fingerprints of the recordings."""

from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from .document import Document, Part, Table
from .fold_features import FoldFeatures
from .utterances import UnreadFile

STAGE = "validate@{corpus}"
FOLDER = Path("reports/validation")
DATA_DOCS = Path("reports/data-docs")
"""Great Expectations' pages, in a folder per corpus. No stage depends on them."""

FINGERPRINTS = Table(
    "reports/validation/{corpus}/fingerprints.parquet",
    ("utterance_id", "audio_fingerprint", "face_fingerprint"),
    STAGE,
)
"""What each utterance's sound and face are recognised by, for the leakage gate; null where there is none."""


class Breach(Part):
    """A clause of the contract that does not hold.

    Attributes:
        expectation: Great Expectations' name of it.
        table, column: what it is about.
        expected, found: in words.
        rows: ids of the rows that break it, 1000 at most; ``count`` is of all.
        of_rows: whether single utterances break it, rather than the corpus as a whole.
        advice: what to do.
    """

    expectation: str
    table: str
    column: str | None
    expected: str
    found: str
    rows: list[str]
    count: int
    of_rows: bool
    advice: str


class Excluded(Part):
    """A medium of an utterance that cannot be used."""

    utterance_id: str
    modality: str
    reason: str


class Quarantined(Part):
    """An utterance that was set aside since it breaks the contract."""

    utterance_id: str
    reasons: list[str]


class Verdict(Document):
    """``reports/validation/<corpus>/verdict.json``: whether a corpus holds its data contract.

    Attributes:
        counts: utterances, speakers, labels, usable media, as the contract saw them.
        critical, warnings: the clauses that do not hold; a critical one stops the pipeline.
        excluded: media that cannot be used.
        unusable: utterances of which no medium can be used.
        original_copies: utterances whose recordings are byte-identical copies in the corpus as it was published.
        features: modality → how much of the corpus its attached feature table covers, in words.
        fold_features: modality → what was declared of it, of those whose attached features differ by test fold.
        unread: files that the adapter could not read.
    """

    PATH: ClassVar[str] = "reports/validation/{corpus}/verdict.json"
    STAGE: ClassVar[str] = STAGE
    VERSION: ClassVar[int] = 2

    corpus: str
    ok: bool
    counts: dict[str, Any]
    critical: list[Breach]
    warnings: list[Breach]
    excluded: list[Excluded]
    unusable: list[str]
    original_copies: list[str]
    quarantined: list[Quarantined]
    features: dict[str, str]
    fold_features: dict[str, FoldFeatures] = Field(default_factory=dict)
    unread: list[UnreadFile]
