"""Reading files of pre-computed features, one per clip or one for all: CSV, Parquet, NumPy, safetensors.

A table has a row a clip, with the clip's name in one of ``KEYS`` or in any column whose values are names of the
corpus's clips; a clip that has several rows is a sequence, in the order of the columns of ``TIMES``. In a folder, a
table without such a name is one clip's, which the file is named by.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import CorpusError, listed
from ..tabular import check_header, cut_short, delimiter_of, read_text
from . import openface
from .declaration import FOLD, undeclared
from .expanded_size import check_expanded_size

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

KEYS = "name", "utterance_id", "id", "file", "filename"
"""Columns that may hold a clip's name, and are not features."""
TIMES = "frame", "timestamp", "time", "start", "frametime", "end", "segment_id"
"""Columns that say when, and are not features."""
TABLES = ".csv", ".tsv", ".parquet"
SUFFIXES = (*TABLES, ".npz", ".npy", ".safetensors")
_DECIMAL_COMMA = re.compile(r";\s*-?\d+,\d")  # as a spreadsheet writes 1.5 where semicolons part the columns


@dataclass
class Clips:
    """Features by what they call a clip, not joined to any corpus yet.

    Attributes:
        path: the file or folder that they are in.
        names: of the dimensions; () until the first clip names them.
        tokens: clip → float32 [T, D]; T is 1 for a pooled one, 0 where nothing of it can be used.
        dropped: OpenFace's rows of frames without a face.
        crowded: clips with several faces, of which one is taken.
        others: files that hold no features.
        is_clip: whether a text is the name of one of the corpus's clips.
    """

    path: Path
    is_clip: Callable[[str], bool]
    names: tuple[str, ...] = ()
    tokens: dict[str, np.ndarray] = field(default_factory=dict)
    dropped: int = 0
    crowded: int = 0
    others: int = 0

    def put(self, clip: str, tokens: np.ndarray) -> None:
        """Raises CorpusError where the clip has been added already.

        Args:
            clip: its name.
            tokens: float32 [T, D].
        """
        if clip in self.tokens:
            raise CorpusError(f"{self.path}: clip(s) named more than once: {clip}; leave one of them")
        self.tokens[clip] = tokens

    def name(self, names: tuple[str, ...], where: Path) -> None:
        """Raises CorpusError where the dimensions are others than those of the clips before.

        Args:
            names: of the dimensions.
            where: the file that they are of, for the message.
        """
        if self.names and self.names != names:
            other = [name for name in names if name not in self.names]
            raise CorpusError(
                f"{where}: it has {len(names)} feature(s), and those before it have {len(self.names)}"
                + (f"; new is {listed(other, 3)}" if other else "")
                + "; every clip has the same ones, in the same order"
            )
        self.names = names


def read_clips(path: Path, is_clip: Callable[[str], bool]) -> Clips:
    """Every clip's features in a file, or in a folder's files.

    Args:
        path: of the file or folder.
        is_clip: whether a text is the name of one of the corpus's clips.

    Returns:
        The features, not joined to the corpus yet.

    Raises:
        CorpusError: nothing there, an unknown kind of file, pickled objects, a clip twice, cells that are not numbers,
            dimensions that differ; names the clips.
    """
    clips = Clips(Path(path), is_clip)
    if clips.path.is_dir():
        files, clips.others = feature_files(clips.path)
        if not files:
            raise CorpusError(f"{path} holds no features: no file of {', '.join(SUFFIXES)}")
        for name, file in files.items():
            _add(clips, file, name.removesuffix(file.suffix))
    elif clips.path.is_file():
        _add(clips, clips.path, None)
    else:
        raise CorpusError(f"{path} does not exist")
    return clips


def clips_of_table(path: Path, table: pd.DataFrame, is_clip: Callable[[str], bool]) -> Clips:
    """Every clip's features in the rows of a table.

    Args:
        path: where the table was read, for messages.
        table: as `read_numbers` gives it, or some of its rows.
        is_clip: whether a text is the name of one of the corpus's clips.

    Returns:
        The features, not joined to the corpus yet.

    Raises:
        CorpusError: as `read_clips`.
    """
    clips = Clips(path, is_clip)
    _add_table(clips, path, table, None)
    return clips


def feature_files(folder: Path) -> tuple[dict[str, Path], int]:
    """The feature files below a folder.

    Args:
        folder: the folder.

    Returns:
        Relative POSIX path → the file, sorted; and how many other files there are.
    """
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    found = {path.relative_to(folder).as_posix(): path for path in files if path.suffix.lower() in SUFFIXES}
    return dict(sorted(found.items())), len(files) - len(found)


def read_numbers(path: Path) -> pd.DataFrame:
    """A CSV or Parquet table as it is, types inferred, the names in ``KEYS`` as strings.

    Args:
        path: of the table.

    Returns:
        The table.

    Raises:
        CorpusError: it is no such table, or names a column twice.
    """
    import pandas as pd

    if path.suffix.lower() == ".parquet":
        try:
            check_expanded_size(path)
            return pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise CorpusError(f"{path} is not Parquet: {error}") from None

    text = read_text(path).lstrip()
    delimiter = delimiter_of(text)
    header = [name.strip() for name in next(csv.reader(io.StringIO(text), delimiter=delimiter), [])]
    check_header(path, header)
    try:
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
            return pd.read_csv(
                io.StringIO(text),
                sep=delimiter,
                decimal="," if delimiter == ";" and _DECIMAL_COMMA.search(text) else ".",
                names=header,
                header=0,
                index_col=False,
                dtype=dict.fromkeys(KEYS, "str"),
                skipinitialspace=True,
            )
    except pd.errors.ParserWarning:
        raise CorpusError(
            f"{path}: its rows have more than the {len(header)} columns that the first line names"
        ) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise CorpusError(f"{path} is not a table of comma-separated values: {error}") from None


def _add(clips: Clips, path: Path, clip: str | None) -> None:
    suffix = path.suffix.lower()
    if suffix in TABLES:
        _add_table(clips, path, read_numbers(path), clip)
    elif suffix == ".npz":
        _add_npz(clips, path)
    elif suffix == ".safetensors":
        _add_safetensors(clips, path)
    elif suffix == ".npy" and clip is not None:
        _add_array(clips, path, clip, _load(path))
    else:
        raise CorpusError(
            f"{path} is not a feature file: {', '.join(SUFFIXES)} are read (.npy in a folder, one per clip)"
        )


def _add_table(clips: Clips, path: Path, table: pd.DataFrame, clip: str | None) -> None:
    import numpy as np
    import pandas as pd

    if FOLD in table:
        raise undeclared(clips.path)
    key = _column_of_names(table, clips.is_clip)
    if key is None and clip is None:
        raise CorpusError(_no_names(path, table))
    table = table.drop(columns=[name for name in KEYS if name in table and name != key])  # no features either
    names = table.pop(key).astype("str").str.strip() if key else pd.Series(clip, index=table.index)
    if names.isna().any():
        raise CorpusError(f"{path}: {int(names.isna().sum())} row(s) without a {key}")
    if openface.is_openface(table):
        columns = [name for name in table if name not in openface.BEFORE]
        _check(path, table, columns)
        clips.name(tuple(columns), path)
        for each, frames in table.groupby(names, sort=False):
            track = openface.track(frames)
            clips.dropped += track.dropped
            clips.crowded += track.faces > 1
            clips.put(each, _float32(track.tokens))
        return
    columns = [name for name in table if name.lower() not in TIMES]
    _check(path, table, columns)
    clips.name(tuple(columns), path)
    order = _in_time(path, table, names)
    values = _float32(table[columns].to_numpy("float64"))[order]
    ordered = names.to_numpy()[order]
    for at, end in pairwise([0, *(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1), len(ordered)]):
        clips.put(ordered[at], values[at:end])


def _column_of_names(table: pd.DataFrame, is_clip: Callable[[str], bool]) -> str | None:
    """The column with most values that name clips of the corpus; else the first of ``KEYS``; None where it has none."""
    import pandas as pd

    keys = [name for name in KEYS if name in table]
    words = [name for name in table if name not in keys and not pd.api.types.is_numeric_dtype(table[name])]
    counts = {
        name: sum(map(is_clip, table[name].dropna().astype("str").str.strip().unique()))
        for name in [*keys, *words]
    }
    best = max(counts, key=counts.get, default=None)  # of equals the first
    if best is not None and counts[best]:
        return best
    return keys[0] if keys else None


def _no_names(path: Path, table: pd.DataFrame) -> str:
    """What to say of a table without clips' names: often one whose first line is data."""
    data = [
        name for name in table if re.fullmatch(r"-?\d+\.\d*(e[+-]?\d+)?", str(name).strip(), re.IGNORECASE)
    ]
    if data:
        return (
            f"{path}: its first line holds data, as {data[0]!r}: write a line with the names of the columns above it, "
            f"one of which is {', '.join(KEYS)}"
        )
    return (
        f"{path} has no column with the clips' names, by which its rows are joined (one of {', '.join(KEYS)}, or any "
        f"whose values are names of the corpus's clips); it has {listed(map(cut_short, table.columns))}"
    )


def _in_time(path: Path, table: pd.DataFrame, names: pd.Series) -> np.ndarray:
    """The rows' order by clip and time."""
    import numpy as np
    import pandas as pd

    times = [name for name in table if name.lower() in TIMES]
    twice = names[names.duplicated()].unique()
    if not len(twice):
        return np.arange(len(table))
    if not times:
        raise CorpusError(
            f"{path}: {len(twice)} clip(s) named more than once: {listed(twice)}; the rows of a sequence need a column "
            f"that says when: {', '.join(TIMES[:4])}"
        )
    sortable = {
        name: table[name]
        if pd.api.types.is_numeric_dtype(table[name])
        else pd.to_timedelta(table[name].astype("str"), errors="coerce")
        for name in times
    }
    keyed = pd.DataFrame({"clip names": names, **sortable})
    same = keyed.duplicated()
    if same.any():
        raise CorpusError(
            f"{path}: {int(same.sum())} row(s) of the same clip at the same time: {listed(names[same].unique())}"
        )
    return keyed.reset_index(drop=True).sort_values(list(keyed), kind="stable").index.to_numpy()


def _check(path: Path, table: pd.DataFrame, columns: list[str]) -> None:
    import pandas as pd

    if len(table) == 0 or not columns:
        raise CorpusError(f"{path} has {len(table)} row(s) and {len(columns)} feature(s)")
    words = [name for name in columns if not pd.api.types.is_numeric_dtype(table[name])]
    if words:
        first = pd.to_numeric(table[words[0]].astype("str"), errors="coerce").isna() & table[words[0]].notna()
        cell = cut_short(table[words[0]][first].iloc[0]) if first.any() else None
        such = f", as {cell!r} in {cut_short(words[0])}" if cell is not None else ""
        raise CorpusError(
            f"{path}: column(s) that do not hold numbers alone{such}: {listed(map(cut_short, words))}; correct them, "
            "or leave them out"
        )


def _add_npz(clips: Clips, path: Path) -> None:
    arrays = _load(path)
    if {"ids", "features"} <= set(arrays):
        ids, features = arrays["ids"], arrays["features"]
        if ids.ndim != 1 or len(ids) != len(features):
            raise CorpusError(
                f"{path}: ids is of shape {list(ids.shape)} and features of {list(features.shape)}; one id per clip"
            )
        lengths = arrays.get("lengths")
        for at, clip in enumerate(ids.astype(str).tolist()):
            tokens = features[at] if lengths is None else features[at][: int(lengths[at])]
            _add_array(clips, path, clip, tokens)
    else:
        for clip, array in arrays.items():
            _add_array(clips, path, clip, array)


def _add_safetensors(clips: Clips, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(path)
    except (
        OSError,
        SafetensorError,
        TypeError,
        KeyError,
    ) as error:  # a dtype that NumPy has not, as bfloat16
        raise CorpusError(f"{path} cannot be read as safetensors of NumPy's kinds: {error}") from None
    for clip, array in sorted(arrays.items()):
        _add_array(clips, path, clip, array)


def _load(path: Path) -> np.ndarray | Mapping[str, np.ndarray]:
    """An array, or an archive of them; never a pickle."""
    import numpy as np

    try:
        check_expanded_size(path)
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            return {name: loaded[name] for name in sorted(loaded.files)}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise CorpusError(
            f"{path} cannot be read as NumPy's arrays of numbers: {error}; pickled objects are never loaded"
        ) from None


def _add_array(clips: Clips, path: Path, clip: str, array: np.ndarray) -> None:
    import numpy as np

    if array.ndim not in (1, 2) or not (np.issubdtype(array.dtype, np.number) or array.dtype == bool):
        raise CorpusError(
            f"{path}: {clip} is {array.dtype} of shape {list(array.shape)}; expected numbers [D] or [T, D]"
        )
    tokens = _float32(np.atleast_2d(array))
    clips.name(tuple(f"f{at}" for at in range(tokens.shape[1])), Path(f"{path}: {clip}"))
    clips.put(clip, tokens)


def _float32(values: np.ndarray) -> np.ndarray:
    import numpy as np

    with np.errstate(over="ignore"):  # what is too large becomes Inf, which is refused by name
        return values.astype(np.float32)
