"""The stage ``robustness``: what the registered strategy says of test recordings that were made worse."""

from typing import ClassVar

from .document import Document, Table

STAGE = "robustness"

PERTURBED = Table(
    "data/robustness.parquet",
    ("utterance_id", "fold", "condition", "level", "modalities", "unusable"),
    STAGE,
)
"""One row per condition, level and drawn test utterance of a fold, given all modalities of the strategy; and one given
each subset that holds the modality that is changed, as far as the utterance has one of the subset. ``modalities`` names
what was given, as ``audio+text``. ``p_<class>`` columns hold the probabilities, the
mean over the members of the fold's model; ``unusable`` says that the recording, once changed, gave no features of the
modality that was changed, which is then missing."""


class LeftOut(Document):
    """``data/robustness.json``: the conditions that could not be tested.

    Attributes:
        conditions: name → the reason.
    """

    PATH: ClassVar[str] = "data/robustness.json"
    STAGE: ClassVar[str] = STAGE

    conditions: dict[str, str]
