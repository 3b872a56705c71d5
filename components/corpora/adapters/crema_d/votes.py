"""CREMA-D's ratings: every final answer by participant, else the tabulated votes.

A participant judged a clip by ear, by eye or by both; the rater's name in the utterance table begins with which:
``audio-…``, ``face-…``, ``both-…``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ...tabular import read_rows

if TYPE_CHECKING:
    import pandas as pd

ANSWERS, FIRST_ANSWERS = "finishedResponses.csv", "finishedEmoResponses.csv"
TABULATED = "processedResults/tabulatedVotes.csv"
CHANNELS = {"1": "audio", "2": "face", "3": "both"}
"""The query's type → how the clip was presented."""
LETTERS = {
    "A": "anger",
    "D": "disgust",
    "F": "fear",
    "H": "happiness",
    "N": "neutral",
    "S": "sadness",
}
DISTRACTED_MS = 10_000
"""Who took longer for the first answer was distracted; processFinishedResponses.R counts no such answer."""
_QUESTION = ["sessionNums", "queryType", "questNum"]


def read_votes(
    root: Path, clips: set[str], canonical: Callable[[str], str], unread: dict[str, str]
) -> dict[str, str]:
    """The clip → its raters' answers as JSON, ``{"both-17": ["anger"], …}``.

    Args:
        clips: the clips that are in the corpus; answers to others are counted in ``unread``.
        canonical: a name as a file has it → the clip's.
        unread: gets what could not be used, by file.

    Raises:
        CorpusError: a table that lacks its columns.
    """
    if (root / ANSWERS).is_file():
        votes, name = _answers(root, unread), ANSWERS
    elif (root / TABULATED).is_file():
        votes, name = _tabulated(root), TABULATED
    else:
        return {}
    votes = votes.assign(clip=votes["clip"].str.replace(r"\.\w+$", "", regex=True).map(canonical))
    votes = votes[~votes["clip"].str.endswith("_practice")]
    odd = ~votes["letter"].isin(LETTERS) | ~votes["channel"].isin(CHANNELS) | votes["participant"].isna()
    absent = ~votes["clip"].isin(clips)
    _say(
        unread,
        name,
        (odd.sum(), "without a participant, or with an emotion or a query type that there is not"),
        ((absent & ~odd).sum(), "to clips that are missing"),
    )
    return _as_json(votes[~odd & ~absent])


def _numbered(participants: pd.Series) -> pd.Series:
    """Participants by number: as they are if they are numbers, else by their place among the sorted names."""
    if participants.dropna().str.fullmatch(r"\d+").all():
        return participants
    numbers = {name: f"{number:04}" for number, name in enumerate(sorted(participants.dropna().unique()), 1)}
    return participants.map(numbers)


def _answers(root: Path, unread: dict[str, str]) -> pd.DataFrame:
    """Every participant's final answers, but for those that came late."""
    wanted = ["localid", "clipName", "respEmo", *_QUESTION]
    table = read_rows(root / ANSWERS, required=wanted)[wanted]
    if (root / FIRST_ANSWERS).is_file():
        late = _question(table).isin(_late(root))
        reason = f"later than {DISTRACTED_MS // 1000} s, left out as the authors do"
        _say(unread, ANSWERS, (late.sum(), reason))
        table = table[~late]
    table = table.assign(localid=_numbered(table["localid"]))
    return table.rename(
        columns={"localid": "participant", "clipName": "clip", "respEmo": "letter", "queryType": "channel"}
    )


def _late(root: Path) -> pd.Series:
    import pandas as pd

    first = read_rows(root / FIRST_ANSWERS, required=["ttr", *_QUESTION])
    return _question(first[pd.to_numeric(first["ttr"], errors="coerce") > DISTRACTED_MS]).dropna()


def _question(table: pd.DataFrame) -> pd.Series:
    """What tells one question of one sitting from all others."""
    session, query, number = (table[column] for column in _QUESTION)
    return session + "/" + query + "/" + number


def _tabulated(root: Path) -> pd.DataFrame:
    """The votes as if each were a participant's; the first digit of a row's number is the query's type."""
    import pandas as pd

    table = read_rows(root / TABULATED, required=["", "fileName", *LETTERS])
    counts = table.melt(["", "fileName"], list(LETTERS), "letter", "count")
    counts["count"] = pd.to_numeric(counts["count"], errors="coerce").fillna(0).astype(int)
    votes = counts.loc[counts.index.repeat(counts["count"])]
    votes = votes.assign(channel=votes[""].str[0], clip=votes["fileName"]).sort_values(["", "letter"])
    votes["participant"] = (votes.groupby("").cumcount() + 1).astype(str).str.zfill(2)
    return votes


def _as_json(votes: pd.DataFrame) -> dict[str, str]:
    by_clip: dict[str, dict[str, list[str]]] = {}
    columns = (
        votes["clip"],
        votes["channel"].map(CHANNELS),
        votes["participant"],
        votes["letter"].map(LETTERS),
    )
    for clip, channel, participant, label in zip(*columns, strict=True):
        by_clip.setdefault(clip, {}).setdefault(f"{channel}-{participant}", []).append(label)
    return {clip: json.dumps(raters, sort_keys=True, ensure_ascii=False) for clip, raters in by_clip.items()}


def _say(unread: dict[str, str], name: str, *counts: tuple[int, str]) -> None:
    problems = [f"{count} answer(s) {what}" for count, what in counts if count]
    if problems:
        unread[name] = "; ".join([unread[name], *problems] if name in unread else problems)
