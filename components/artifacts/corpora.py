"""The stage ``corpora``: the raw corpora, and which of them an experiment reads."""

from pathlib import Path
from typing import ClassVar

from .document import Document

RAW = Path("data/raw")
"""Each corpus as its owner ships it, in a folder of its name. Only ``emoflow corpora`` writes here."""


class Corpora(Document):
    """``data/corpora.json``: the corpora that the experiment reads, as params.yaml names them."""

    PATH: ClassVar[str] = "data/corpora.json"
    STAGE: ClassVar[str] = "corpora"

    corpora: list[str]
