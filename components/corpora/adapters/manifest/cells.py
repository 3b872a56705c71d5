"""Parsing the cells of a manifest, column by column, with a check of each value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ....errors import CorpusError, listed
from ... import labels
from ...tabular import clock_seconds

if TYPE_CHECKING:
    import pandas as pd

DIMENSIONS = "valence", "arousal", "dominance"
OLDEST = 120


@dataclass(frozen=True)
class Cells:
    """A manifest's rows.

    Attributes:
        path: of the table, for what errors say.
        rows: strings, the index says where in the file a row is.
        ids: the utterances', in the same order.
    """

    path: Path
    rows: pd.DataFrame
    ids: pd.Series

    def text(self, column: str) -> pd.Series:
        """The cells of a column as they are.

        Args:
            column: its name.

        Returns:
            Strings; all null where there is no such column.
        """
        import pandas as pd

        if column in self.rows:
            return self.rows[column]
        return pd.Series(None, index=self.rows.index, dtype="str")

    def refuse_where(self, wrong: pd.Series, what: str, values: pd.Series, advice: str) -> None:
        """Raises CorpusError, naming rows, where any is ``wrong``.

        Args:
            wrong: whether each row is.
            what: what is wrong, for the message.
            values: the cells to show.
            advice: what to do.
        """
        if wrong.any():
            cells = zip(wrong[wrong].index, self.ids[wrong], values[wrong].tolist(), strict=True)
            places = listed(f"line {line} ({each}): {cell!r}" for line, each, cell in cells)
            raise CorpusError(f"{self.path}: {int(wrong.sum())} {what}: {places}; {advice}")

    def one_of(self, column: str, known: Callable[[str], str | None], allowed: str) -> pd.Series:
        """Words of a small vocabulary; any other is refused.

        Args:
            column: its name.
            known: a word → the vocabulary's own, None for another.
            allowed: the vocabulary, for the message.

        Returns:
            The vocabulary's words; null where a cell is.
        """
        cells = self.text(column)
        found = cells.map(known, na_action="ignore").astype("str")
        self.refuse_where(
            found.isna() & cells.notna(),
            f"cell(s) in {column} of another kind",
            cells,
            f"it must be one of {allowed}",
        )
        return found

    def words(self, column: str, known: Callable[[str], str | None], unread: dict[str, str]) -> pd.Series:
        """Words of a small vocabulary; any other is null, and said in ``unread``.

        Args:
            column: its name.
            known: a word → the vocabulary's own, None for another.
            unread: path → why it is not read; added to.

        Returns:
            The vocabulary's words; null where a cell is, or is another.
        """
        cells = self.text(column)
        found = cells.map(known, na_action="ignore").astype("str")
        strange = sorted(cells[found.isna() & cells.notna()].unique())
        if strange:
            unread[f"{self.path.name}: {column}"] = (
                f"{listed(map(repr, strange))}: not known, taken as not said"
            )
        return found

    def numbers(self, scale: tuple[float, float]) -> dict[str, pd.Series]:
        """Turn, times and dimensions; these from the corpus's ``scale`` to -1..1.

        Args:
            scale: the lowest and the highest that the corpus's dimensions have.

        Returns:
            Column → numbers: ``turn``, ``speaker_age``, ``start_s``, ``end_s`` and ``DIMENSIONS``.
        """
        age = self._number("speaker_age")
        self.refuse_where(
            (age < 0) | (age > OLDEST) | (age % 1 > 0),
            "age(s) of another kind",
            age,
            f"an age is a whole number of years, from 0 to {OLDEST}",
        )
        turn = self._number("turn")
        start, end = (self._number(column, clock=True) for column in ("start_s", "end_s"))
        self.refuse_where(
            (turn < 0) | (turn % 1 > 0) | (turn >= 1e9),
            "turn(s) of another kind",
            turn,
            "a turn is a whole number from 0, of up to nine digits",
        )
        self.refuse_where(
            start < 0, "time(s) below 0 in start_s", start, "times are seconds in the recording"
        )
        times = self.text("start_s") + " to " + self.text("end_s")
        self.refuse_where(
            end <= start,
            "utterance(s) that end before they begin",
            times,
            "correct start_s and end_s, or leave the rows out",
        )
        found = {
            "turn": turn.astype("Int64"),
            "speaker_age": age.astype("Int64"),
            "start_s": start,
            "end_s": end,
        }
        low, high = scale
        for column in DIMENSIONS:
            value = self._number(column)
            self.refuse_where(
                (value < low) | (value > high),
                f"cell(s) in {column} outside {low:g} to {high:g}",
                value,
                "state layouts.<corpus>.scale in params.yaml: the lowest and the highest that the corpus has",
            )
            found[column] = (value - low) / (high - low) * 2 - 1
        return found

    def raters(self, stated: Mapping[str, str]) -> pd.Series:
        """``{"rater": ["label", …]}`` as JSON; labels in the field's words where known.

        Args:
            stated: ``layouts.<corpus>.labels`` of params.yaml.

        Returns:
            JSON; null where a cell is.
        """
        cells = self.text("raters")
        found = cells.map(lambda cell: _raters(cell, stated), na_action="ignore").astype("str")
        self.refuse_where(
            found.isna() & cells.notna(),
            "cell(s) in raters of another kind",
            cells,
            'it is JSON: {"rater": ["label"]}',
        )
        return found

    def _number(self, column: str, clock: bool = False) -> pd.Series:
        import numpy as np
        import pandas as pd

        cells = self.text(column)
        found = seconds(cells) if clock else pd.to_numeric(cells, errors="coerce").astype("float64")
        self.refuse_where(
            cells.notna() & ~np.isfinite(found),
            f"cell(s) in {column} that hold no number",
            cells,
            "correct them (1.5, not 1,5" + ("; or 00:00:01.500" if clock else "") + "), or leave them empty",
        )
        return found


def seconds(cells: pd.Series) -> pd.Series:
    """Times in seconds.

    Args:
        cells: strings; a number of seconds, or a time as clocks show it (``00:00:01.250``).

    Returns:
        float64; NaN where a cell is null or neither.
    """
    import pandas as pd

    numbers = pd.to_numeric(cells, errors="coerce").astype("float64")
    return numbers.fillna(cells.map(clock_seconds, na_action="ignore").astype("float64"))


def language(word: str) -> str | None:
    """``en`` of ``en``, ``EN`` and ``en-GB``.

    Args:
        word: as the corpus writes it.

    Returns:
        The code of two letters; None where the word begins with none.
    """
    match = re.fullmatch(r"([a-z]{2})([-_].+)?", word.lower())
    return match[1] if match else None


def _raters(cell: str, stated: Mapping[str, str]) -> str | None:
    try:
        votes = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    if not isinstance(votes, dict):
        return None
    named = {rater: [given] if isinstance(given, str) else given for rater, given in votes.items()}
    if not all(
        isinstance(each, list) and all(isinstance(word, str) for word in each) for each in named.values()
    ):
        return None
    known = {rater: [labels.label_of(word, stated) or word for word in each] for rater, each in named.items()}
    return json.dumps(known, ensure_ascii=False)
