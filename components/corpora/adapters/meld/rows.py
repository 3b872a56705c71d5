"""Rows of MELD's CSV tables: labels, sentiments, times, episodes and speaker names."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from ....errors import CorpusError, listed
from ...tabular import clock_seconds, read_rows, whole_number

LABELS = {
    "anger": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "joy": "happiness",
    "neutral": "neutral",
    "sadness": "sadness",
    "surprise": "surprise",
}
VALENCES = {"negative": -1.0, "neutral": 0.0, "positive": 1.0}
GENDERS = {
    "Chandler": "male",
    "Joey": "male",
    "Monica": "female",
    "Phoebe": "female",
    "Rachel": "female",
    "Ross": "male",
}
COLUMNS = (
    "Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID", "Season", "Episode", "StartTime",
    "EndTime",
)  # fmt: skip
OLD = "Old_Dialogue_ID", "Old_Utterance_ID"
"""Columns of the dyadic variant: the numbers that the utterance's clip is named by."""
_QUOTES = str.maketrans({"‘": "'", "’": "'", "ʼ": "'", "`": "'", "“": '"', "”": '"'})


def annotated(root: Path, path: str, *, corpus: str, split: str, unread: dict[str, str]) -> list[dict]:
    """A table's lines as rows of the utterance table, without split, language and video.

    Args:
        root: of the corpus.
        path: of the table, relative to it.
        corpus: its name.
        split: ``train``, ``dev`` or ``test``.
        unread: path → why it is not read; added to.

    Returns:
        The rows; those of the dyadic variant with ``clip``, the local id of their clip.

    Raises:
        CorpusError: the table lacks columns, or names an utterance twice.
    """
    table = read_rows(root / path, required=COLUMNS)
    dyadic = set(OLD) <= set(table)
    columns = [*COLUMNS, *(OLD if dyadic else ())]
    table = table[columns].astype(object).where(table[columns].notna(), None)
    rows, lines = [], defaultdict(list)
    for line, cells in zip(table.index, table.itertuples(index=False, name=None), strict=True):
        cell = dict(zip(columns, cells, strict=True))
        dialogue, turn = _number(cell["Dialogue_ID"]), _number(cell["Utterance_ID"])
        if dialogue is None or turn is None:
            unread[f"{path}:{line}"] = (
                f"Dialogue_ID is {cell['Dialogue_ID']!r} and Utterance_ID {cell['Utterance_ID']!r}; both are numbers"
            )
            continue
        row, faults = _row(cell, corpus)
        row |= _place(corpus, f"{split}_{'dya' if dyadic else 'dia'}{dialogue}", turn)
        if dyadic:
            row["clip"] = f"{split}_dia{cell[OLD[0]]}_utt{cell[OLD[1]]}"
        lines[row["utterance_id"]].append(line)
        if faults:
            unread[f"{path}:{line}"] = "; ".join(faults)
        rows.append(row)
    twice = [f"{each} (lines {listed(found)})" for each, found in lines.items() if len(found) > 1]
    if twice:
        raise CorpusError(
            f"{root / path} names utterances twice: {listed(twice)}; a dialogue has each number once"
        )
    return rows


def unannotated(clips: Iterable[str], *, corpus: str) -> list[dict]:
    """Rows of a split whose table is not there, from the local ids of its clips.

    Args:
        clips: local ids, as ``train_dia0_utt0``.
        corpus: its name.

    Returns:
        The rows, sorted by id.
    """
    return [
        _place(corpus, local.rpartition("_utt")[0], int(local.rpartition("_utt")[2]))
        for local in sorted(clips)
    ]


def unify_speakers(rows: list[dict], corpus: str, unread: dict[str, str]) -> None:
    """Have a name that is written in several ways written as it is most often; say so; know the main six's gender.

    Names that differ in case, in quotes or in a full stop alone are one.

    Args:
        rows: of all splits; changed.
        corpus: its name.
        unread: path → why it is not read; added to.
    """
    written = defaultdict(Counter)
    for row in rows:
        if row.get("speaker"):
            written[_key(row["speaker"])][row["speaker"]] += 1
    usual = {key: min(names, key=lambda name: (-names[name], name)) for key, names in written.items()}
    for row in rows:
        if row.get("speaker"):
            name = usual[_key(row["speaker"])]
            row["speaker"], row["speaker_gender"] = f"{corpus}/{name}", GENDERS.get(name)
    several = [
        f"{' and '.join(sorted(names))} as {usual[key]}"
        for key, names in sorted(written.items())
        if len(names) > 1
    ]
    if several:
        unread["*_sent_emo.csv"] = (
            f"{len(several)} name(s) written in several ways, taken as one: {listed(several)}"
        )


def _row(cell: dict[str, str | None], corpus: str) -> tuple[dict, list[str]]:
    """A line's own cells, and what is odd in them."""
    faults = []
    start, end = _seconds(cell["StartTime"]), _seconds(cell["EndTime"])
    for name, value in (("StartTime", start), ("EndTime", end)):
        if value is None:
            faults.append(f"{name} is {cell[name]!r}, not like 00:16:16,059; left out")
    if start is not None and end is not None and end <= start:
        faults.append(
            f"ends at {cell['EndTime']}, no later than it begins ({cell['StartTime']}); the end is left out"
        )
        end = None
    season, episode = _number(cell["Season"]), _number(cell["Episode"])
    if season is None or episode is None:
        faults.append(
            f"Season is {cell['Season']!r} and Episode {cell['Episode']!r}; both are numbers; left out"
        )
    raw, sentiment = cell["Emotion"], cell["Sentiment"]
    if (sentiment or "").casefold() not in VALENCES:
        faults.append(f"Sentiment is {sentiment!r}, none of {', '.join(VALENCES)}; left out")
    if (raw or "").casefold() not in LABELS:
        faults.append(f"Emotion is {raw!r}, none of {', '.join(LABELS)}")
    known = season is not None and episode is not None
    return {
        "corpus": corpus,
        "speaker": cell["Speaker"] and _spelt(cell["Speaker"]),
        "session": f"{corpus}/s{season:02}e{episode:02}" if known else None,
        "start_s": start,
        "end_s": end,
        "text": cell["Utterance"],
        "label_raw": raw,
        "label": LABELS.get((raw or "").casefold()),
        "valence": VALENCES.get((sentiment or "").casefold()),
    }, faults


def _place(corpus: str, dialogue: str, turn: int) -> dict:
    return {
        "utterance_id": f"{corpus}/{dialogue}_utt{turn}",
        "corpus": corpus,
        "dialogue": f"{corpus}/{dialogue}",
        "elicitation": "scripted",
        "turn": turn,
    }


def _spelt(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).translate(_QUOTES).split())


def _key(name: str) -> str:
    return name.casefold().replace(".", "")


def _number(cell: str | None) -> int | None:
    return whole_number(cell or "")


def _seconds(cell: str | None) -> float | None:
    """``00:16:16,059`` → 976.059."""
    return clock_seconds(cell or "")
