"""File layout of a MuSe package, and the modality of each of its feature sets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ....errors import CorpusError, listed
from ... import labels
from ...adapter_interface import files_below
from ...tabular import read_rows
from ..corpus_root import wrong_root

FEATURES = "feature_segments", "features", "feats"
LABELS = "label_segments"
TABLES = "labels.csv", "label.csv"
"""Of clips: an intensity of each emotion."""
HOP_MS = 500.0
"""Between two rows of a feature or label table, and how long the last lasts (Stappen et al. 2021)."""
DIMENSIONS = {
    "valence": "valence",
    "arousal": "arousal",
    "physio-arousal": "arousal",
    "anno12_EDA": "arousal",
}
"""A folder of curves → the column of the utterance table that has their means; of two, the first by name."""

_SETS = {
    "audio": r"egemaps|is\d\d|compare|ds|deepspectrum|vggish|wav2vec|w2v|hubert|wavlm|xlsr|mfcc",
    "text": r"bert|electra|roberta|xlm|xlnet|deberta|fasttext|gpt|albert|sentence",
    "face": r"fau|au(?:_|$)|facenet|vit(?:_|-|$)|vggface|openface|farl|face",
    "physiology": r"bio|bpm|ecg|eda|resp|physio|heart",
}
_MODALITIES = {modality: re.compile(rf"(?:^|[_-])(?:{words})") for modality, words in _SETS.items()}


@dataclass(frozen=True)
class Package:
    """A sub-challenge's package.

    Attributes:
        kind: ``humour`` (windows with a label), ``continuous`` (curves), ``clips`` (a clip with intensities).
        parts: id in the partition file → train, validation, test; sorted. A person, a coach, a video or a clip.
        partition: the partition file's path.
        droppings: how many files of an operating system there are.
        feature_files: feature set → part → its files, sorted.
        label_files: dimension (of curves) or "" → part → its files, sorted.
        strays: files of no part, or in no place → why.
    """

    root: Path
    kind: str
    parts: dict[str, str]
    partition: str
    droppings: int
    feature_files: dict[str, dict[str, list[str]]]
    label_files: dict[str, dict[str, list[str]]]
    strays: dict[str, str]


def open_package(root: Path) -> Package:
    """Look into a package's folder.

    Raises:
        CorpusError: it is none; says which folder looks like one.
    """
    root = Path(root)
    paths, droppings = files_below(root)
    partition = next((path for path in ("metadata/partition.csv", "partition.csv") if path in paths), None)
    table = next((path for path in TABLES if path in paths), None)
    segments = [path for path in paths if path.startswith(f"{LABELS}/") and path.endswith(".csv")]
    if partition is None or not (table or segments):
        holds = f"{'metadata/partition.csv' if partition is None else f'{LABELS}/ and no {TABLES[0]}'}"
        raise CorpusError(wrong_root(root, title="a package of MuSe", holds=holds, layout="muse"))
    parts = _parts(root / partition)
    kind = _kind(root, segments[0]) if segments else "clips"
    strays: dict[str, str] = {}
    features: dict[str, dict[str, list[str]]] = {}
    curves: dict[str, dict[str, list[str]]] = {}
    for path in paths:
        folder, *within = path.split("/")
        if path in (partition, table):
            continue
        by_coach = kind == "humour"
        if folder in FEATURES and len(within) == 2 + by_coach and path.endswith(".csv"):
            by_part, name = features.setdefault(within[0], {}), within[1]
        elif folder == LABELS and len(within) == 2 and path.endswith(".csv"):
            by_part, name = curves.setdefault("" if by_coach else within[0], {}), within[1 - by_coach]
        else:
            strays[path] = "no part of a package of MuSe that is read"
            continue
        part = clean(name.removesuffix(".csv"))
        if part in parts:
            by_part.setdefault(part, []).append(path)
        else:
            strays[path] = f"{partition} does not name {part}"
    if table:
        curves = {"": {"": [table]}}
    return Package(root, kind, parts, partition, droppings, features, curves, strays)


def clean(name: str) -> str:
    """An id without the quotes and brackets that some packages put around it."""
    return name.strip().strip("\"'[]")


def modality_of(feature_set: str) -> str:
    """Audio, text, face or physiology, by the set's name; a set of another kind is a modality of its own name."""
    name = feature_set.lower()
    for modality, words in _MODALITIES.items():
        if words.search(name):
            return modality
    return re.sub(r"[^a-z0-9_-]+", "-", name).strip("-_") or "features"


def person_of(part: str) -> str:
    """Whose recording a part is: ``1`` of ``1_train``, as MuSe-Personalisation parts its test subjects'.

    Of MuSe-CaR's videos it is the video: who reviews the car is not published.
    """
    return re.sub(r"_(train|devel|test)$", "", part)


def _parts(path: Path) -> dict[str, str]:
    """The first column is the id, the last one says train, devel or test."""
    rows = read_rows(path)
    if rows.shape[1] < 2 or rows.empty:
        raise CorpusError(
            f"{path} has {rows.shape[1]} column(s) and {len(rows)} row(s): an id first, its split last"
        )
    found: dict[str, str] = {}
    for line, name, word in zip(rows.index, rows.iloc[:, 0], rows.iloc[:, -1], strict=True):
        split = labels.split(word) if isinstance(word, str) else None
        if split is None or not isinstance(name, str):
            raise CorpusError(f"{path}, line {line}: {name!r} is in {word!r}; expected train, devel or test")
        if found.setdefault(clean(name), split) != split:
            raise CorpusError(
                f"{path}, line {line}: {clean(name)} is in two splits: {found[clean(name)]}, {split}"
            )
    return dict(sorted(found.items()))


def _kind(root: Path, path: str) -> str:
    columns = set(read_rows(root / path))
    if "timestamp_start" in columns:
        return "humour"
    if "value" in columns:
        return "continuous"
    found = (
        "MuSe-Sent's classes of segments are not read"
        if "class_id" in columns
        else f"it has {listed(sorted(columns))}"
    )
    raise CorpusError(
        f"{root / path}: no labels of MuSe in windows (timestamp_start) or curves (value): {found}"
    )
