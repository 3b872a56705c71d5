"""The texts that encoders read, each with the turns that are read before it, and other words in their place."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...encoders.dialogue import Line, Turn, turns
from ...encoders.jobs import Source
from ...media.text import words

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Transcripts:
    """What is said in the utterances that have features of text.

    Attributes:
        texts: utterance → what is said in it.
        places: utterance → its turn, with the utterances' ids in place of what is said; of those that have a place in a
            dialogue.
    """

    texts: Mapping[str, str]
    places: Mapping[str, Turn]

    @classmethod
    def of(cls, table: "pd.DataFrame", *, context: int) -> "Transcripts":
        """The texts of some utterances.

        Args:
            table: of the utterance table ``utterance_id``, ``dialogue``, ``turn``, ``start_s``, ``speaker`` and
                ``text``; of one corpus or of several whose dialogues have different names. Those without a text are
                left out.
            context: how many earlier turns the encoders read, at most.
        """
        table = table.dropna(subset=["text"])
        texts = dict(zip(table["utterance_id"], table["text"], strict=True))
        named = table.assign(text=[name if words(text) else "" for name, text in texts.items()])
        return cls(texts, turns(named, context=context) if context else {})

    def read_for(self, ids: Iterable[str]) -> list[str]:
        """Some utterances and the turns that are read before them, sorted by id."""
        every = set()
        for name in ids:
            earlier = self.places[name].earlier if name in self.places else ()
            every |= {name, *(line.text for line in earlier)}
        return sorted(every)

    def source(self, utterance_id: str, said: Mapping[str, str]) -> Source:
        """What the encoders read of an utterance where something else is said.

        Args:
            utterance_id: one that has a text.
            said: utterance → what is said now, for `read_for` of it. A turn without words is not read before others.
        """
        text = said[utterance_id]
        digest = hashlib.sha256(text.encode()).hexdigest()
        place = self.places.get(utterance_id)
        if place is None:
            return Source(utterance_id, text, digest)
        earlier = tuple(
            Line(line.speaker, said[line.text]) for line in place.earlier if words(said.get(line.text, ""))
        )
        return Source(utterance_id, Turn(place.speaker, text, earlier), digest)
