"""The stage ``features``: the feature store of a corpus, and the utterances that have no features of a modality."""

from pathlib import Path
from typing import ClassVar

from .document import Document, Part

STAGE = "features@{corpus}"
FOLDER = Path("data/features")
"""``<corpus>/<modality>/`` below it is a feature store, as `encoders.store` describes it."""


class Exclusion(Part):
    """An utterance without features of one encoder, and why.

    Attributes:
        modality: that the utterance therefore lacks; ``audio/logmel`` where encoders are joined as streams and others
            of them have features of it.
    """

    utterance_id: str
    modality: str
    encoder: str
    reason: str


class Exclusions(Document):
    """``data/features/<corpus>/exclusions.json``: sorted by utterance, modality and encoder."""

    PATH: ClassVar[str] = "data/features/{corpus}/exclusions.json"
    STAGE: ClassVar[str] = STAGE

    exclusions: list[Exclusion]
