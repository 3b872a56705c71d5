"""Reads what is published of a known corpus (counts, names, sample rates) from the YAML files in ``expected/``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..schema import UTTERANCE_COLUMNS

FOLDER = Path(__file__).parent / "expected"

Number = Annotated[int, Field(ge=0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Count(_Frozen):
    """How many there are of something: of rows, or of a column's different values."""

    of: str
    """In words: what is counted."""
    distinct: str | None = None
    """The column whose different values are counted; None: rows."""
    by: tuple[str, ...] = ()
    """Counted within each value of these columns; of the first one, within those that the corpus has (it may be a
    part of the published one)."""
    among: str | None = None
    """A regular expression that an id within the corpus begins with, to be counted at all."""
    expected: Number | dict[str, Number | dict[str, Number]]
    """A number, for all values of ``by`` the same; or by the first column's values, and then by the second's."""

    @model_validator(mode="after")
    def _can_be_counted(self):
        strange = {*self.by, *([self.distinct] if self.distinct else [])} - set(UTTERANCE_COLUMNS)
        if strange:
            raise ValueError(f"no columns of the utterance table: {', '.join(sorted(strange))}")
        depth, expected = 0, self.expected
        while isinstance(expected, dict):
            depth, expected = depth + 1, next(iter(expected.values()))
        if depth > len(self.by) or (depth < len(self.by) and len(self.by) > 1):
            raise ValueError(f"{self.of}: counted by {list(self.by)}, but expected is {depth} deep")
        return self


class Irregularity(_Frozen):
    """Rows that break a clause in the corpus as it is published, which is no fault of this copy."""

    column: str
    rows: tuple[str, ...]
    """Ids within the corpus."""
    why: str


class Known(_Frozen):
    """A published corpus.

    Attributes:
        source: where these figures are from.
        counts: the exact numbers.
        ids: a regular expression that every id within the corpus matches, and ``named``, the same in words.
        words: the corpus's own labels, as ``label_raw`` has them.
        labelled: every utterance has a label.
        speakers: every utterance has a speaker.
        rates: of the sound, in Hz; ``rates_must``: another rate is a breach, and no mere warning.
        raters_at_least: of every utterance that was rated.
        irregularities: what is so in the original.
    """

    source: str
    counts: tuple[Count, ...] = ()
    ids: str | None = None
    named: str | None = None
    words: tuple[str, ...] = ()
    labelled: bool = True
    speakers: bool = True
    rates: tuple[int, ...] = ()
    rates_must: bool = False
    raters_at_least: int | None = None
    irregularities: tuple[Irregularity, ...] = ()

    def without_counts(self) -> Known:
        """For a corpus that is written the same way, and is another one."""
        return self.model_copy(update={"counts": (), "irregularities": ()})


def known(corpus: str, *, layout: str, planted: bool = False) -> Known | None:
    """What is published of a corpus.

    Args:
        corpus: its name here. Counts are of the corpus that bears the name of its layout; one of another name is
            written the same way and need not have as many.
        layout: how it is written.
        planted: whether it is a control corpus in that layout, of which nothing is published but how it is written.

    Returns:
        The figures; None for a layout that is no one corpus's.
    """
    path = FOLDER / f"{layout}.yaml"
    if not path.is_file():
        return None
    found = Known.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    return found.without_counts() if planted or corpus != layout else found
