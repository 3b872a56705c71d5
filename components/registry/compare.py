"""Is one model better than another? On the same protocol and the same utterances, paired by speaker."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..evaluation import intervals
from ..evaluation.metrics import confusion_by, ua

CHOSEN = "chosen"


def held_out(path: Path, strategy: str) -> pd.DataFrame:
    """A run's held-out predictions as ``utterance_id → label, predicted``, the seeds' probabilities averaged.

    The nested choice's (``chosen``), where the run has them; else those of ``strategy``.
    """
    table = pd.read_parquet(path)
    name = CHOSEN if CHOSEN in set(table["strategy"]) else strategy
    table = table[table["strategy"] == name]
    columns = [column for column in table.columns if column.startswith("p_")]
    mean = table.groupby("utterance_id")[columns].mean()
    labels = table.drop_duplicates("utterance_id").set_index("utterance_id")["label"]
    predicted = mean.idxmax(axis=1).str.removeprefix("p_")
    return pd.DataFrame({"label": labels.loc[mean.index], "predicted": predicted})


def paired(
    new: pd.DataFrame, old: pd.DataFrame, *, speakers: Mapping[str, str | None], classes: list[str]
) -> dict[str, Any] | None:
    """Unweighted average recall of both on the utterances that both have, and the difference's 95 % interval.

    Args:
        speakers: utterance → who speaks; each utterance counts as one of its own where nobody knows.

    Returns:
        ``{"utterances", "speakers", "new", "old", "difference", "low", "high"}``; None without a common
        utterance.
    """
    common = sorted(set(new.index) & set(old.index) & set(speakers))
    if not common:
        return None
    who, group = np.unique([speakers[each] or each for each in common], return_inverse=True)
    code = {name: number for number, name in enumerate(classes)}
    truth = new.loc[common, "label"].map(code).to_numpy()
    counts = [
        confusion_by(group, truth, each.loc[common, "predicted"].map(code).to_numpy(),
                     groups=len(who), classes=len(classes))
        for each in (new, old)
    ]  # fmt: skip
    points = [float(ua(each.sum(0))) for each in counts]
    interval = intervals.of_difference(ua, *counts)
    return {
        "utterances": len(common),
        "speakers": len({speakers[each] for each in common} - {None}),
        "new": points[0],
        "old": points[1],
        "difference": interval.mean,
        "low": interval.low,
        "high": interval.high,
    }
