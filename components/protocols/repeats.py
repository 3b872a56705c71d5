"""Finds held_out-out utterances that repeat training: clips that overlap in time, and the same sentences.

Pure functions of the utterance table, by which ``meld7.clean`` is derived from MELD's official split; the leakage
gate applies them to any corpus. On MELD's own CSVs 35 test and 8 validation utterances overlap a training clip, and
331 and 135 repeat a training sentence word for word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..schema import CUT

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

OVERLAP, SENTENCE = "overlap", "duplicate-text"
HELD_OUT = ("validation", "test")


def leaking(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that a corpus's official split holds out and that repeat something of its training.

    Args:
        table: the utterance table; ``split_official`` says who trains.

    Returns:
        ``utterance_id, kind``, sorted: ``overlap`` (in time, with a training clip of the same recording),
        ``duplicate-text`` (a training sentence, word for word). A row may be there with both.
    """
    import pandas as pd

    trains = (table["split_official"] == "train").to_numpy()
    held_out = table["split_official"].isin(HELD_OUT).to_numpy()
    found = {OVERLAP: overlapping(table, held_out, trains), SENTENCE: repeating(table, held_out, trains)}
    named = [
        pd.DataFrame({"utterance_id": table["utterance_id"][rows], "kind": kind})
        for kind, rows in found.items()
    ]
    return pd.concat(named).sort_values(["utterance_id", "kind"], ignore_index=True)


def overlapping(
    table: pd.DataFrame, held_out: np.ndarray, others: np.ndarray, *, recording: np.ndarray | None = None
) -> np.ndarray:
    """Which of the rows ``held_out`` overlap one of ``others`` in time, in the same recording: bool [rows].

    Times that end before they begin, and rows of no recording, overlap nothing. Clips that only touch do not either.

    Args:
        recording: what ``recordings(table)`` gives, where it is known already.
    """
    import numpy as np

    recording = recordings(table).to_numpy() if recording is None else recording
    start, end = table["start_s"].to_numpy(float), table["end_s"].to_numpy(float)
    timed = (recording >= 0) & (end > start)
    found = np.zeros(len(table), dtype=bool)
    a, b = np.flatnonzero(held_out & timed), np.flatnonzero(others & timed)
    if not len(a) or not len(b):
        return found
    # Of the others some have begun before a row's end; not all of them had ended by its start: they overlap it.
    begun = _count_before(recording[b], start[b], recording[a], end[a], or_at=False)
    ended = _count_before(recording[b], end[b], recording[a], start[a], or_at=True)
    found[a] = begun > ended
    return found


def repeating(table: pd.DataFrame, held_out: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of the rows ``held_out`` say word for word what one of ``others`` says: bool [rows]."""
    sentence = sentences(table["text"])
    return held_out & (sentence >= 0) & sentence.isin(sentence[others]).to_numpy()


def sentences(texts: pd.Series) -> pd.Series:
    """A number for each sentence, the same for those that differ in case and spacing alone; -1 for none: int64."""
    import pandas as pd

    words = pd.Series(texts.dropna().unique(), dtype="str")
    same = words.str.casefold().str.split().str.join(" ")
    number = dict(zip(words, pd.factorize(same)[0], strict=True))
    for empty in words[same == ""]:
        number[empty] = -1
    return texts.map(number).fillna(-1).astype("int64")


def episodes(sessions: pd.Series) -> pd.Series:
    """Which sessions are episodes of a series, by their names, which end like ``s08e21``: bool."""
    return sessions.str.contains(r"/s\d+e\d+$", regex=True).fillna(False).astype(bool)


def recordings(table: pd.DataFrame) -> pd.Series:
    """A number for each recording that ``start_s`` and ``end_s`` are times in; -1 for rows of none: int64.

    A recording is the file that several utterances are parts of; else an episode of a series, else a dialogue, else a
    session.
    """
    import pandas as pd

    file = table["video"].fillna(table["audio"]).str.replace(CUT, "", regex=True)
    shared = file.notna() & file.duplicated(keep=False)
    session = table["session"]
    name = ("session " + session).where(
        episodes(session) | table["dialogue"].isna(), "dialogue " + table["dialogue"]
    )
    name = ("file " + file).where(shared, name)
    codes = pd.factorize(table["corpus"].fillna("") + " " + name)[0]
    return pd.Series(codes, index=table.index, dtype="int64").where(name.notna(), -1)


def _count_before(groups, times, of_groups, of_times, *, or_at: bool) -> np.ndarray:
    """For each of ``of_times``: how many ``times`` of the same group lie before it (or at it)."""
    import numpy as np

    # One sorted list of ranks for all groups: searching it is searching each group's own.
    moments = np.unique(np.concatenate([times, of_times]))
    wide = len(moments) + 1
    keys = np.sort(groups * wide + np.searchsorted(moments, times))
    wanted = of_groups * wide + np.searchsorted(moments, of_times)
    return np.searchsorted(keys, wanted, side="right" if or_at else "left") - np.searchsorted(
        keys, of_groups * wide
    )
