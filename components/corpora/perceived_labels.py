"""Perceived labels: the majority vote of a group of raters instead of the corpus's own label."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..errors import CorpusError, listed
from ..schema import EMOTIONS
from .raters import highest, kind_of, totals, votes

if TYPE_CHECKING:
    import pandas as pd


def perceived(table: pd.DataFrame, kind: str) -> pd.Series:
    """What most raters say of each utterance, of those raters whose names begin with ``kind``.

    A rater who gave several labels shares one vote among them. CREMA-D's raters judged by ear (``audio``), by eye
    (``face``) or by both (``both``); IEMOCAP's evaluators are ``C-E``.

    Returns:
        The table's index; null without such a rater, in a tie, and where most say none of ``schema.EMOTIONS``.

    Raises:
        CorpusError: there is no such rater; says which kinds there are.
    """
    import numpy as np
    import pandas as pd

    by_rater = [json.loads(cell) if isinstance(cell, str) else {} for cell in table["raters"]]
    of_kind = [{name: labels for name, labels in each.items() if name.startswith(kind)} for each in by_rater]
    if not any(of_kind):
        kinds = sorted({kind_of(name) for each in by_rater for name in each})
        there = f"there are {listed(map(repr, kinds))}" if kinds else "the corpus has no raters"
        raise CorpusError(f"no rater's name begins with {kind!r}; {there}")
    cast = votes(table.assign(raters=[json.dumps(each) if each else None for each in of_kind]))
    total, _ = totals(cast)
    clear = highest(total).sum(axis=1) == 1
    named = zip(cast.ids, np.array(cast.labels)[total.argmax(axis=1)], clear, strict=True)
    known = {each: str(label) for each, label, one in named if one and label in EMOTIONS}
    return pd.Series([known.get(each) for each in table["utterance_id"]], table.index, dtype="str")
