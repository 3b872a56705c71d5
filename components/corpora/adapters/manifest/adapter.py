"""A corpus described by a table of its own: ``utterances.csv`` or ``.parquet``, with columns of the utterance table.

Only an id is required. The control corpus comes so: ``id, speaker, gender, session, text, label``, beside
``audio/<id>.wav`` and ``video/<id>.mp4``, which need not be named. A row that states less of a recording than all is
a part of it, from its ``start_s`` to its ``end_s``. Times that lie beyond the recording's end are those in a dialogue
whose turns have recordings of their own, which are then taken whole.
"""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from ....errors import CorpusError, listed
from ....schema import UNSTATED, UTTERANCE_COLUMNS, Layout, file_of
from ... import labels
from ...adapter_interface import MANIFESTS, Adapter, Reading, files_below, unread_list
from ...media_files import SUFFIXES, leading_out, local_id, medium_of, stem_of
from ...names import nfc
from ...recording_length import lengths
from ...tabular import cut_short, read_rows
from . import cells

if TYPE_CHECKING:
    import pandas as pd

ALIASES = {
    "id": "utterance_id",
    "gender": "speaker_gender",
    "sex": "speaker_gender",
    "age": "speaker_age",
    "emotion": "label",
    "transcript": "text",
    "transcription": "text",
    "sentence": "text",
    "start": "start_s",
    "end": "end_s",
    "split": "split_official",
    "partition": "split_official",
}
"""Other names of columns, as corpora have them."""
FILES = "file", "path", "filename"
"""Columns that may name a recording, sound or film; where no column has ids, its path without the suffix is the id,
behind it the times where several rows name one recording: ``talk_0.5-2``."""
DEFAULTS = {"audio": ".wav", "video": ".mp4"}
"""Where no column names a medium, and there is such a folder: ``<medium>/<id><suffix>``, or another suffix."""
SHORTER_S = 0.05
"""A part that is shorter than its recording by less is the whole: times are rounded, and codecs pad."""
BEYOND_S = 0.25
"""A part may end later than its recording by so much, for the same reason; as ``media.audio`` has it."""


def read(root: Path, corpus: str = "control", stated: Layout = UNSTATED) -> Reading:
    """The corpus in ``root``: one row a line of its table.

    A file that the table calls for and that is not there is listed, and is a missing modality; an empty cell is
    null. A label that is not an emotion stays as ``label_raw``.

    Args:
        root: the corpus's folder.
        corpus: its name.
        stated: what params.yaml states of its layout.

    Returns:
        The utterance table, and what is not read.

    Raises:
        CorpusError: no table, no ids or one twice, cells of the wrong kind, times reversed, paths that leave the
            corpus; names the lines.
    """
    root = Path(root)
    path = _table_path(root)
    paths, droppings = files_below(root)
    rows = _rows(path)
    if rows.empty:
        raise CorpusError(f"{path} names no utterance")
    unread: dict[str, str] = {}
    table = cells.Cells(path, rows, _ids(path, rows, corpus))
    local = table.ids
    found = {"utterance_id": f"{corpus}/" + local, "corpus": corpus}
    for column in ("speaker", "session", "dialogue"):
        names = _without_owner(rows, table.text(column), corpus)
        found[column] = (f"{corpus}/" + names).where(names.notna())
    found["text"] = table.text("text")
    found["language"] = table.one_of("language", cells.language, "two letters of ISO 639-1")
    found |= _labels(table, stated)
    found |= table.numbers(stated.scale)
    found["speaker_gender"] = table.words("speaker_gender", labels.gender, unread)
    found["intensity"] = table.one_of("intensity", labels.intensity, "low, normal, strong")
    found["elicitation"] = table.one_of(
        "elicitation", labels.elicitation, "scripted, improvised, spontaneous"
    )
    found["split_official"] = table.one_of("split_official", labels.split, "train, validation, test")
    found["raters"] = table.raters(stated.labels)
    control = "control" in (corpus, stated.layout)
    found["language"] = found["language"].fillna(stated.language or ("en" if control else None))

    found |= _media(root, table, set(paths), unread, found["start_s"], found["end_s"])
    if unknown := [name for name in rows if name not in UTTERANCE_COLUMNS]:
        unread[path.name] = f"column(s) {listed(unknown)} are none of the utterance table's: not read"
    return Reading(_assembled(found), unread_list(unread, droppings))


def _table_path(root: Path) -> Path:
    there = [root / name for name in MANIFESTS if (root / name).is_file()]
    if len(there) > 1:
        raise CorpusError(f"{root} has {' and '.join(MANIFESTS)}; which is it? leave one of them out")
    if there:
        return there[0]
    inside = sorted({each.parent.name for name in MANIFESTS for each in root.glob(f"*/{name}")})
    hint = f"; it is in {listed(inside)}: give that folder" if inside else ""
    others = sorted(each.name for suffix in ("csv", "parquet") for each in root.glob(f"*.{suffix}"))
    if others and not inside:
        hint = f"; it has {listed(others, 3)}: name the table of utterances so, with a column id"
    raise CorpusError(f"{root} has no {MANIFESTS[0]} (or .parquet){hint}")


def _rows(path: Path) -> pd.DataFrame:
    rows = read_rows(path)
    named: dict[str, str] = {}
    for name in rows:
        plain = name.lower()
        known = plain if plain in UTTERANCE_COLUMNS else ALIASES.get(plain, name)
        if known in named:
            raise CorpusError(
                f"{path}: the columns {named[known]!r} and {name!r} are both {known}; leave one out"
            )
        named[known] = name
    rows.columns = list(named)
    files = next((name for name in rows if name.lower() in FILES), None)
    if files and not {"audio", "video"} & set(rows):
        rows = _named_by_files(path, rows, files)
    if "utterance_id" not in rows:
        raise CorpusError(
            f"{path} lacks the column id (or utterance_id); it has {listed(map(cut_short, named.values()), 30)}"
        )
    return rows


def _named_by_files(path: Path, rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """The rows with ``audio`` and ``video`` by the suffix of the files in a column, and ids where there are none."""
    files = rows[column].str.replace("\\", "/")
    media = files.map(medium_of, na_action="ignore")
    out = leading_out(path.parent, files.dropna().unique())
    wrong = ~media.isin(list(DEFAULTS)) | files.isin(list(out))
    if wrong.any():
        places = listed(f"line {line}: {files[line]!r}" for line in rows.index[wrong][:11])
        raise CorpusError(
            f"{path}: {int(wrong.sum())} cell(s) in {column} are not recordings in the corpus's folder ("
            f"{', '.join((*SUFFIXES['audio'], *SUFFIXES['video']))}, by paths relative to it): {places}"
        )
    rows = rows.drop(columns=column).assign(**{medium: files.where(media == medium) for medium in DEFAULTS})
    return rows if "utterance_id" in rows else rows.assign(utterance_id=_ids_of_parts(rows, files))


def _ids_of_parts(rows: pd.DataFrame, files: pd.Series) -> pd.Series:
    """An id for each row from its file's name and, where several rows name the file, its times."""
    stems = files.map(stem_of)
    if not {"start_s", "end_s"} <= set(rows):
        return stems
    start, end = (
        _seconds_text(cells.seconds(rows[column])).fillna(rows[column]) for column in ("start_s", "end_s")
    )
    parts = stems + "_" + start + "-" + end
    return stems.mask(stems.duplicated(keep=False) & parts.notna(), parts)


def _ids(path: Path, rows: pd.DataFrame, corpus: str) -> pd.Series:
    """Ids within the corpus, checked."""
    ids = _without_owner(rows, rows["utterance_id"], corpus)
    if ids.isna().any():
        raise CorpusError(f"{path}: no id in line(s) {listed(rows.index[ids.isna()])}")
    odd = ids.str.contains(r"(?:^|/)\.{0,2}(?:/|$)|\\|[\x00-\x1f]", regex=True)
    if odd.any():
        raise CorpusError(
            f"{path}: an id may name files, so it is no path that leads out of a folder: {listed(map(repr, ids[odd]))}"
        )
    twice = ids[ids.duplicated()].unique()
    if len(twice):
        raise CorpusError(f"{path}: {len(twice)} id(s) named twice: {listed(twice)}; an id is unique")
    return ids


def _without_owner(rows: pd.DataFrame, names: pd.Series, corpus: str) -> pd.Series:
    """``<corpus>/<name>`` as an utterance table has it → ``<name>``, whatever the corpus was called there."""
    owners = rows["corpus"].dropna().unique() if "corpus" in rows else [corpus]
    if len(owners) != 1:
        return names
    return names.str.removeprefix(f"{owners[0]}/")


def _labels(table: cells.Cells, stated: Layout) -> dict[str, pd.Series]:
    label, raw = table.text("label"), table.text("label_raw")
    raw = raw.fillna(label)
    label = label.fillna(raw)
    return {
        "label": label.map(lambda word: labels.label_of(word, stated.labels), na_action="ignore"),
        "label_raw": raw,
    }


def _media(
    root: Path, table: cells.Cells, there: set[str], unread: dict[str, str], start: pd.Series, end: pd.Series
) -> dict[str, pd.Series]:
    """The columns of media; adds to ``unread`` what is named and not there, and what is there and not named.

    Args:
        root: of the corpus.
        table: the manifest.
        there: the corpus's files.
        unread: path → why it is not read.
        start, end: of each row in seconds, NaN where it lacks one.

    Returns:
        ``audio`` and ``video``: paths within the corpus, those of parts with their times (``schema.CUT``).

    Raises:
        CorpusError: paths that leave the corpus; names the lines.
    """
    times = _seconds_text(start) + "," + _seconds_text(end)
    found = {}
    named = any(medium in table.rows for medium in DEFAULTS)
    spare = there - {table.path.name}
    on_disk = {nfc(path): path for path in there} | {path: path for path in there}
    for medium, suffix in DEFAULTS.items():
        if named:
            paths = table.text(medium).str.replace("\\", "/")
        elif any(path.startswith(f"{medium}/") for path in there):
            paths = f"{medium}/" + table.ids
            by_stem = {nfc(stem_of(path)): path for path in there if medium_of(path) == medium}
            paths = paths.map(nfc).map(by_stem).fillna(paths + suffix)
        else:
            paths = table.text(medium)
        table.refuse_where(
            paths.isin(list(leading_out(root, paths.dropna().unique()))),
            "path(s) that leave the corpus (absolute, by .., by a link)",
            paths,
            "paths are relative to the corpus's folder",
        )
        named_files = paths.map(lambda path: posixpath.normpath(file_of(path)), na_action="ignore").astype(
            "str"
        )
        files = named_files.map(
            lambda path: on_disk.get(path) or on_disk.get(nfc(path), path), na_action="ignore"
        ).astype("str")
        gone = set(files.dropna()) - there
        unread |= dict.fromkeys(gone, f"{table.path.name} names it, and it does not exist")
        spare = spare.difference(files.dropna())
        parts = paths.map(lambda path: path[len(file_of(path)) :], na_action="ignore").astype("str")
        whole = files + parts
        part = times.notna() & (whole == files)
        part &= whole.duplicated(keep=False) | _shorter(
            root, whole[part & files.isin(list(there))], start, end
        )
        found[medium] = whole.mask(part, whole + "#t=" + times)
    recordings = f"{table.path.name} has no utterance of this name"
    unread |= {path: recordings if medium_of(path) else "neither a recording nor the table" for path in spare}
    return found


def _shorter(root: Path, recordings: pd.Series, start: pd.Series, end: pd.Series) -> pd.Series:
    """Whether each row's times are within its recording and leave out some of it."""
    lasts = recordings.map(lengths(root, recordings)).astype("float64").reindex(start.index)
    return (end <= lasts + BEYOND_S) & (end - start < lasts - SHORTER_S)


def _seconds_text(moments: pd.Series) -> pd.Series:
    """Seconds as the name of a part has them (``schema.CUT``): 1.5, 3."""
    text = moments.map(lambda second: f"{second:.6f}".rstrip("0").rstrip("."), na_action="ignore")
    return text.astype("str")


def _assembled(found: dict) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame(found).reindex(columns=list(UTTERANCE_COLUMNS)).astype(UTTERANCE_COLUMNS)
    return table.sort_values("utterance_id", ignore_index=True)


ADAPTER = Adapter(read=read, local_id=local_id)
