"""The word error rate of recognised words against transcripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

NORMALISATION = (
    "normalised as Whisper's authors do: lower case, no punctuation, no words in brackets; of English also "
    "contractions and numbers in one spelling, and no fillers such as um"
)


@dataclass(frozen=True)
class WordErrors:
    """How recognised words differ from transcripts.

    Attributes:
        rate: words substituted, deleted or inserted, by words of the transcripts.
        utterances: that have a transcript; where nothing was recognised, all its words count as deleted.
        words: of their transcripts.
    """

    rate: float
    utterances: int
    words: int


def word_errors(table: pd.DataFrame, texts: Mapping[str, str], among: Mapping[str, str]) -> WordErrors | None:
    """Compare recognised words with the transcripts of a corpus.

    Args:
        table: the utterance table; its ``text`` is the transcript, its ``language`` that of the text.
        texts: utterance id → what was recognised.
        among: the utterances whose recordings were heard.

    Returns:
        The word error rate over all of them; None where none has a transcript with words in it.
    """
    from torchmetrics.text import WordErrorRate
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer, EnglishTextNormalizer

    english, basic = EnglishTextNormalizer({}), BasicTextNormalizer()
    heard, said = [], []
    for row in table[table["utterance_id"].isin(among)].dropna(subset=["text"]).to_dict("records"):
        normalise = english if row["language"] == "en" else basic
        transcript = normalise(row["text"])
        if any(map(str.isalnum, transcript)):
            said.append(transcript)
            heard.append(normalise(texts.get(row["utterance_id"], "")))
    if not said:
        return None
    rate = WordErrorRate()(heard, said)
    return WordErrors(float(rate), len(said), sum(len(each.split()) for each in said))
