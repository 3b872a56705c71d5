"""Any corpus in a folder of recordings: ``LABEL/FILE``, ``LABEL/SPEAKER/FILE``, or a pattern of your own.

Recordings of one name beside each other (``a1.wav``, ``a1.mp4``) are one utterance's media, and ``a1.txt`` is its
text. An utterance's id is its path without the suffix, so it does not change when others are added.
"""

from __future__ import annotations

import posixpath
from pathlib import Path

import regex

from ...errors import CorpusError, listed
from ...schema import UNSTATED, Layout
from .. import labels
from ..adapter_interface import Adapter, Reading, files_below, unread_list, utterance_table
from ..media_files import AUDIO, SUFFIXES, VIDEO, local_id, medium_of, stem_of
from ..names import nfc
from ..tabular import read_text, whole_number

GROUPS = "label", "id", "speaker", "gender", "session", "dialogue", "turn", "language", "intensity"
"""What a pattern may name. ``id`` makes files in different folders one utterance's media."""

MATCH_S = 1.0
"""Seconds that a pattern may take for one path: one that backtracks could take years."""


def read(root: Path, corpus: str, stated: Layout = UNSTATED) -> Reading:
    """The corpus in ``root``: one row a recording, or as many of one name as there are.

    A label that is not an emotion stays as ``label_raw``. What the pattern does not match, or does not lie as the
    layout has it, is listed.

    Args:
        root: the corpus's folder.
        corpus: its name.
        stated: what params.yaml states of its layout.

    Returns:
        The utterance table, and what is not read.

    Raises:
        CorpusError: no recording lies so; says where they do lie. A pattern with groups that nobody knows.
    """
    root = Path(root)
    paths, droppings = files_below(root)
    recordings = [path for path in paths if medium_of(path) in ("audio", "video")]
    fields = _by_pattern(stated.pattern) if stated.pattern else _by_folders(root, recordings, stated)
    unread: dict[str, str] = {}
    fields_of: dict[str, dict] = {}  # id → the names' fields
    media: dict[str, dict[str, list[str]]] = {}
    texts = {stem_of(path): path for path in paths if medium_of(path) == "text"}
    for path in recordings:
        found = fields(path)
        if isinstance(found, str):
            unread[path] = found
            continue
        local = found.pop("id", None) or stem_of(path)
        if fields_of.setdefault(local, found) != found:
            unread[path] = f"its name tells otherwise of {local} than that of {_first(media[local])}"
            continue
        media.setdefault(local, {}).setdefault(medium_of(path), []).append(path)
        if stem_of(path) in texts:
            media[local].setdefault("text", []).append(texts.pop(stem_of(path)))
    if not media:
        raise CorpusError(_nothing(root, paths, recordings, stated))
    taken = {}
    for local, files in media.items():
        taken[local], spare = _choose(files)
        unread |= spare
    unread |= dict.fromkeys(texts.values(), "a text with no recording of its name beside it")
    others = [path for path in paths if medium_of(path) is None]
    unread |= dict.fromkeys(others, f"not a recording: {', '.join((*AUDIO, *VIDEO))} are read")
    rows = (_row(root, corpus, local, fields_of[local] | files, stated) for local, files in taken.items())
    return Reading(utterance_table(rows), unread_list(unread, droppings))


def _by_pattern(pattern: str):
    """A path → its fields, or why it has none."""
    expression = regex.compile(nfc(pattern))
    strange = [name for name in expression.groupindex if name not in GROUPS]
    if strange:
        raise CorpusError(
            f"the pattern {pattern!r} names the group(s) {listed(strange)}; it may name {', '.join(GROUPS)}"
        )

    def fields(path: str) -> dict[str, str] | str:
        try:
            match = expression.fullmatch(nfc(path), timeout=MATCH_S)
        except TimeoutError:
            raise CorpusError(
                f"the pattern {pattern!r} takes more than {MATCH_S:.0f} s for {path!r}: write it without a repetition "
                "inside a repetition, as in (a+)+, say with [^/]+ between the slashes"
            ) from None
        if not match:
            return f"the pattern {pattern!r} does not match it as a whole"
        found = {name: cell for name, cell in match.groupdict().items() if cell}
        if "label" not in found:
            return f"the pattern {pattern!r} finds no label in it"
        if whole_number(found.get("turn", "0")) is None:
            return f"its turn is {found['turn']!r}, which is not a number of up to nine digits"
        return found

    return fields


def _by_folders(root: Path, recordings: list[str], stated: Layout):
    """A path → its fields, or why it has none. In a corpus of ``SPEAKER/LABEL`` the folders' words tell so."""
    split = [path.split("/") for path in recordings]
    firsts = {parts[0] for parts in split if len(parts) in (2, 3)}
    seconds = {parts[1] for parts in split if len(parts) == 3}
    speakers_first = (
        bool(seconds)
        and all(labels.label_of(word, stated.labels) for word in seconds)
        and not any(
            labels.emotion(word) or word in stated.labels for word in firsts
        )  # a speaker may be Joy Smith
    )
    if speakers_first and len(firsts) == 1:
        (only,) = firsts
        raise CorpusError(
            f"all recordings of {root} lie in its folder {only}: give {root / only}; or, if {only} is the only "
            r"speaker, state layouts.<corpus>.pattern in params.yaml, say '(?P<speaker>[^/]+)/(?P<label>[^/]+)/.+'"
        )

    def fields(path: str) -> dict[str, str] | str:
        parts = path.split("/")
        if len(parts) == 2:
            return {"label": parts[0]}
        if len(parts) == 3:
            return dict(
                zip(("speaker", "label") if speakers_first else ("label", "speaker"), parts, strict=False)
            )
        where = "at the top" if len(parts) == 1 else f"{len(parts) - 1} folders deep"
        return (
            f"lies {where}; expected LABEL/FILE or LABEL/SPEAKER/FILE (for any other order state "
            "layouts.<corpus>.pattern in params.yaml)"
        )

    return fields


def _choose(files: dict[str, list[str]]) -> tuple[dict[str, str], dict[str, str]]:
    """Of each medium the file taken, and those that are not, with the reason."""
    taken, spare = {}, {}
    for medium, paths in files.items():
        order = SUFFIXES[medium]
        first, *rest = sorted(
            paths, key=lambda path: (order.index(posixpath.splitext(path)[1].lower()), path)
        )
        taken[medium] = first
        spare |= dict.fromkeys(rest, f"the same {medium} as {first}, which is taken")
    return taken, spare


def _first(files: dict[str, list[str]]) -> str:
    return next(iter(files.values()))[0]


def _row(root: Path, corpus: str, local: str, found: dict[str, str], stated: Layout) -> dict:
    row = {
        "utterance_id": f"{corpus}/{local}",
        "corpus": corpus,
        "audio": found.get("audio"),
        "video": found.get("video"),
        "language": found.get("language", stated.language),
        "label_raw": found["label"],
        "label": labels.label_of(found["label"], stated.labels),
    }
    for column in ("speaker", "session", "dialogue"):
        if column in found:
            row[column] = f"{corpus}/{found[column]}"
    if "text" in found:
        row["text"] = read_text(root / found["text"]).strip() or None
    if "turn" in found:
        row["turn"] = int(found["turn"])
    if "gender" in found:
        row["speaker_gender"] = labels.gender(found["gender"])
    if "intensity" in found:
        row["intensity"] = labels.intensity(found["intensity"])
    return row


def _nothing(root: Path, paths: list[str], recordings: list[str], stated: Layout) -> str:
    """What to say of a folder in which no recording lies as it should."""
    if stated.pattern and recordings:
        return (
            f"{root}: the pattern {stated.pattern!r} matches none of its recordings: {listed(recordings, 3)}"
        )
    if recordings:
        common = posixpath.commonpath([posixpath.dirname(path) for path in recordings])
        if common:
            return f"{root}: its recordings lie in {common} and below: give {root / common}"
        return (
            f"{root}: no recording lies in LABEL/FILE or LABEL/SPEAKER/FILE; it has {listed(recordings, 3)}"
        )
    archives = [path for path in paths if path.endswith((".zip", ".tar", ".gz", ".7z", ".rar"))]
    if archives:
        return f"{root} holds archives ({listed(archives, 3)}): unpack them there first"
    tables = [path for path in paths if path.endswith((".csv", ".tsv", ".parquet")) and "/" not in path]
    if tables:
        return (
            f"{root} holds no recordings, but {listed(tables, 3)}: a table that describes a corpus is named "
            "utterances.csv (or .parquet) and has a column id"
        )
    return f"{root} holds no recordings ({', '.join((*AUDIO, *VIDEO))}) in folders named by their labels" + (
        f"; it holds {listed(paths, 3)}" if paths else "; it is empty"
    )


ADAPTER = Adapter(read=read, local_id=local_id)
