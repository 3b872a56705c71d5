"""The stage ``robustness``: what the registered strategy says of test recordings that were made worse."""

from typing import ClassVar, Literal

from .document import Document, Part, Table

STAGE = "robustness"

PERTURBED = Table(
    "data/robustness.parquet",
    ("utterance_id", "fold", "condition", "level", "changed", "modalities", "unusable"),
    STAGE,
)
"""One row per condition, level and drawn test utterance of a fold, given all modalities of the strategy; and one given
each subset that holds a modality that is changed, as far as the utterance has one of the subset. ``changed`` names the
modalities that are changed, and ``modalities`` what was given, as ``audio+text``; the former is empty where it is no
one modality, or none that the strategy takes. ``p_<class>`` columns hold the probabilities, the mean over the members
of the fold's model; ``unusable`` says that the recording, once changed, gave no features of a modality that was
changed, which is then missing."""


class WordErrors(Part):
    """How wrong the words are that a recogniser heard in changed sound.

    Attributes:
        condition, level: under which they were recognised.
        rate: words substituted, deleted or inserted, by words of the reference.
        words, utterances: of the reference.
        reference: the corpora's transcripts; or, where there are none, what was recognised in the recordings as they
            are.
    """

    condition: str
    level: float
    rate: float
    words: int
    utterances: int
    reference: Literal["transcripts", "recognised"]


class RobustnessNotes(Document):
    """``data/robustness.json``: what there is to say beside the table.

    Attributes:
        left_out: condition that could not be tested → the reason.
        word_errors: of the conditions under which words were recognised, by level.
    """

    PATH: ClassVar[str] = "data/robustness.json"
    STAGE: ClassVar[str] = STAGE
    VERSION: ClassVar[int] = 2

    left_out: dict[str, str]
    word_errors: list[WordErrors]
