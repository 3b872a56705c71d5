"""The stage ``features``: the feature store of a corpus, and the utterances that have no features of a modality."""

from pathlib import Path
from typing import ClassVar

from .document import Document, Part, Table

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


RECOGNISED = Table("data/features/{corpus}/recognised.parquet", ("utterance_id", "text", "model"), STAGE)
"""What a speech recogniser heard in each recording, where ``features.text.from`` is ``asr``: a null text where nothing
was recognised, for the reason in `Exclusions`. No such file where transcripts are read."""


class WordErrorRate(Part):
    """How recognised words differ from a corpus's transcripts.

    Attributes:
        rate: words substituted, deleted or inserted, by words of the transcripts.
        utterances, words: of the transcripts. normalisation: of both, in words.
    """

    rate: float
    utterances: int
    words: int
    normalisation: str


class Recognition(Document):
    """``data/features/<corpus>/recognition.json``, beside `RECOGNISED`: by what, how much, and how well.

    Attributes:
        model: that recognised the words, by its name in params.yaml. language: as stated there.
        recordings: that were heard. recognised: those of them with words.
        word_error_rate: None where the corpus has no transcripts.
    """

    PATH: ClassVar[str] = "data/features/{corpus}/recognition.json"
    STAGE: ClassVar[str] = STAGE

    model: str
    language: str | None
    recordings: int
    recognised: int
    word_error_rate: WordErrorRate | None

    @classmethod
    def of_corpus(cls, corpus: str, root: Path = Path()) -> "Recognition | None":
        """What was recognised of a corpus; None where its transcripts are read."""
        return cls.read(root, corpus=corpus) if cls.path(root, corpus=corpus).is_file() else None
