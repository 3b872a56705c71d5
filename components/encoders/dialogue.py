"""A turn with what was said before it in its dialogue, for text models that read it as context."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from ..media.text import words

if TYPE_CHECKING:
    import pandas as pd

PLACES = ("turn", "start_s")
"""The columns that order a dialogue: the first that all its turns have."""


@dataclass(frozen=True)
class Line:
    """Something that was said; ``speaker`` is None where unknown."""

    speaker: str | None
    text: str


@dataclass(frozen=True)
class Turn(Line):
    """A turn of a dialogue; ``earlier`` are the turns before it, the oldest first."""

    earlier: tuple[Line, ...] = ()

    def before(self, count: int) -> str:
        """The last ``count`` earlier turns with the speakers marked, then the mark of this turn's own speaker.

        Speakers are letters in the order in which they appear here, so that no name is read, and the same turns read
        the same wherever their dialogue began; one who is unknown is ``?``.

        Returns:
            Such as ``"A: What? B: Nothing. A:"``; empty where there is no earlier turn.
        """
        lines = self.earlier[-count:] if count else ()
        if not lines:
            return ""
        speakers = dict.fromkeys(line.speaker for line in (*lines, self) if line.speaker is not None)
        letters: dict[str | None, str] = {speaker: _letter(number) for number, speaker in enumerate(speakers)}
        marks = [letters.get(line.speaker, "?") for line in (*lines, self)]
        said = [f"{mark}: {line.text}" for mark, line in zip(marks, lines, strict=False)]
        return " ".join([*said, f"{marks[-1]}:"])


def as_turn(source: str | Turn) -> Turn:
    """A text by itself as a turn without a dialogue."""
    return source if isinstance(source, Turn) else Turn(None, source)


def turns(table: pd.DataFrame, *, context: int, unusable: Collection[str] = ()) -> dict[str, Turn]:
    """The turns of a corpus's dialogues.

    Earlier is what has a smaller ``turn`` or, in a dialogue where not all turns are numbered, a smaller ``start_s``;
    of two in one place neither is earlier.

    Args:
        table: the utterance table.
        context: how many earlier turns to keep: the last ones that have words.
        unusable: ids of utterances whose text is not to be read.

    Returns:
        Utterance id → its turn, of every utterance that has a text and a place in a dialogue.
    """
    columns = ["utterance_id", "dialogue", *PLACES, "speaker", "text"]
    texts = table.loc[~table["utterance_id"].isin(unusable), columns].dropna(subset=["dialogue", "text"])
    dialogues = defaultdict(list)
    for row in texts.astype(object).where(texts.notna(), None).to_dict("records"):
        dialogues[row["dialogue"]].append(row)
    found: dict[str, Turn] = {}
    for rows in dialogues.values():
        place = next((name for name in PLACES if all(row[name] is not None for row in rows)), None)
        if place is None:
            continue
        earlier: list[Line] = []
        rows.sort(key=itemgetter(place, "utterance_id"))
        for _, together in groupby(rows, itemgetter(place)):
            said = {row["utterance_id"]: Line(row["speaker"], row["text"]) for row in together}
            found |= {name: Turn(line.speaker, line.text, tuple(earlier)) for name, line in said.items()}
            earlier = [*earlier, *(line for line in said.values() if words(line.text))][-context:]
    return found


def _letter(number: int) -> str:
    """A, B, …, Z, A1, B1, …"""
    return chr(ord("A") + number % 26) + (str(number // 26) if number >= 26 else "")
