"""A corpus described by a table of its own: ``utterances.csv``, beside ``audio/<id>.wav`` and ``video/<id>.mp4``.

The control corpus comes so. What lies in ``truth/`` is not looked at.
"""

import csv
from pathlib import Path

from ..errors import CorpusError, listed
from ..schema import EMOTIONS, UNSTATED, Layout
from .reading import Adapter, Reading, files_below, unread_list, utterance_table

NAME = "utterances.csv"
COLUMNS = "id", "speaker", "gender", "session", "text", "label"
APART = "truth"
"""The folder of planted truth, which no reader of the corpus opens."""


def read(root: Path, corpus: str = "control", stated: Layout = UNSTATED) -> Reading:
    """The corpus in ``root``: one row a line of its table.

    A file that the table calls for and that is not there is listed, and is a missing modality; a cell that is
    empty is null.

    Raises:
        CorpusError: there is no table, or it lacks columns, names an id twice, or a label that nobody declared.
    """
    rows = _rows(root)
    _check(root / NAME, rows)
    paths, droppings = files_below(root)
    there = {path for path in paths if not path.startswith(f"{APART}/")} - {NAME}
    unread = {}
    table = []
    for row in rows:
        names = {"audio": f"audio/{row['id']}.wav", "video": f"video/{row['id']}.mp4"}
        for path in names.values():
            if path not in there:
                unread[path] = f"{NAME} calls for it, and it is not there"
            there.discard(path)
        session = row["session"] and f"{corpus}/{row['session']}"
        table.append(
            {
                "utterance_id": f"{corpus}/{row['id']}",
                "corpus": corpus,
                "speaker": f"{corpus}/{row['speaker']}",
                "speaker_gender": row["gender"] or None,
                "session": session or None,
                "text": row["text"] or None,
                "language": "en",
                "label_raw": row["label"],
                "label": row["label"],
                **names,
            }
        )
    unread |= {path: f"{NAME} has no utterance of this name" for path in there}
    return Reading(utterance_table(table), unread_list(unread, droppings))


def _rows(root: Path) -> list[dict[str, str]]:
    path = root / NAME
    if not path.is_file():
        inside = sorted(each.parent.name for each in root.glob(f"*/{NAME}"))
        hint = f"; it is in {listed(inside)}: give that folder" if inside else ""
        raise CorpusError(f"{root} has no {NAME}{hint}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or [])]
            if missing:
                raise CorpusError(
                    f"{path} lacks the column(s) {', '.join(missing)}; it needs {', '.join(COLUMNS)}"
                )
            return [{column: (row[column] or "").strip() for column in COLUMNS} for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path} is not a UTF-8 table of comma-separated values: {error}") from None


def _check(path: Path, rows: list[dict[str, str]]) -> None:
    if not rows:
        raise CorpusError(f"{path} names no utterance")
    for column in ("id", "speaker"):
        empty = [number for number, row in enumerate(rows, 2) if not row[column]]
        if empty:
            raise CorpusError(f"{path}: no {column} in line(s) {listed(empty)}")
    ids = [row["id"] for row in rows]
    odd = sorted({each for each in ids if "/" in each or each.startswith(".")})
    if odd:
        raise CorpusError(
            f"{path}: an id names files, so it holds no '/' and starts with no '.': {listed(odd)}"
        )
    twice = sorted({each for each in ids if ids.count(each) > 1}) if len(set(ids)) < len(ids) else []
    if twice:
        raise CorpusError(f"{path}: named twice: {listed(twice)}; an id is unique")
    undeclared = [f"{row['id']}: {row['label']!r}" for row in rows if row["label"] not in EMOTIONS]
    if undeclared:
        raise CorpusError(
            f"{path}: {len(undeclared)} label(s) that nobody declared: {listed(undeclared)}; "
            f"a label may be {', '.join(EMOTIONS)}"
        )


def _stem(name: str) -> str:
    name = name.strip().rsplit("/", 1)[-1]
    for suffix in (".wav", ".mp4"):
        name = name.removesuffix(suffix)
    return name


ADAPTER = Adapter(read=read, local_id=lambda name: _stem(name) or None)
