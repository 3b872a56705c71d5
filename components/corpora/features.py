"""Pre-computed features that come with a corpus: a CSV with a column ``name`` and a column of numbers a feature."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CorpusError, listed

if TYPE_CHECKING:
    import pandas as pd

NAME = "name"


def read_features(
    path: Path, corpus: str, local_id: Callable[[str], str | None], ids: Iterable[str]
) -> pd.DataFrame:
    """A feature table, joined to a corpus by name.

    Args:
        local_id: what the table calls a clip → its id within the corpus.
        ids: the corpus's utterance ids.

    Returns:
        float32 columns; index ``utterance_id``, sorted. Rows of clips that the corpus lacks (it may be a part of
        one) are left out; ``attrs["foreign"]`` counts them.

    Raises:
        CorpusError: no column ``name``, names that are no names of this corpus, twice the same clip, no clip of
            the corpus, cells that are no finite numbers; names the rows.
    """
    import numpy as np
    import pandas as pd

    if not path.is_file():
        raise CorpusError(f"{path} is not there")
    try:
        table = pd.read_csv(path, dtype={NAME: "str"})
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise CorpusError(f"{path} is not a table of comma-separated values: {error}") from None
    if NAME not in table:
        raise CorpusError(
            f"{path} has no column {NAME!r}, by which its rows are joined; it has {listed(table.columns)}"
        )
    if len(table) == 0 or table.shape[1] < 2:
        raise CorpusError(f"{path} has {len(table)} row(s) and {table.shape[1] - 1} feature(s)")
    names = table.pop(NAME)
    local = [None if pd.isna(name) else local_id(name) for name in names]
    strange = [repr(name) for name, found in zip(names, local, strict=True) if found is None]
    if strange:
        raise CorpusError(
            f"{path}: {len(strange)} row(s) whose name is none of {corpus}'s: {listed(strange)}"
        )
    index = pd.Index([f"{corpus}/{each}" for each in local], name="utterance_id")
    twice = index[index.duplicated()].unique()
    if len(twice):
        raise CorpusError(f"{path}: {len(twice)} clip(s) named more than once: {listed(twice)}")
    known = index.isin(list(ids))
    if not known.any():
        raise CorpusError(f"{path}: none of its clips is in the corpus: {listed(index)}")
    words = [column for column in table if not pd.api.types.is_numeric_dtype(table[column])]
    if words:
        raise CorpusError(
            f"{path}: column(s) that do not hold numbers alone: {listed(words)}; leave them out"
        )
    values = table.to_numpy("float32")
    bad = [f"{names[row]}: {table.columns[column]}" for row, column in np.argwhere(~np.isfinite(values))[:11]]
    if bad:
        count = int((~np.isfinite(values)).sum())
        raise CorpusError(
            f"{path}: {count} cell(s) without a finite number: {listed(bad)}; mend or leave out the rows"
        )
    joined = pd.DataFrame(values, index=index, columns=table.columns)[known].sort_index()
    joined.attrs["foreign"] = int((~known).sum())
    return joined
