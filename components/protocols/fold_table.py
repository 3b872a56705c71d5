"""The fold table (fold, utterance_id, speaker, label, role): its digest and its sizes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from .assignment import ROLES
from .unlabelled import ROLE

if TYPE_CHECKING:
    import pandas as pd


def digest(folds: pd.DataFrame) -> str:
    """The SHA-256 over fold, utterance id and role of all rows, sorted: the same folds, the same digest."""
    rows = folds.sort_values(["fold", "utterance_id", "role"])
    lines = rows["fold"].astype("str") + "\t" + rows["utterance_id"] + "\t" + rows["role"]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def sizes(folds: pd.DataFrame) -> list[dict]:
    """Each fold's number, the speakers of its test, and how many utterances have each role."""
    counts = folds.groupby(["fold", "role"]).size().unstack(fill_value=0)
    speakers = (
        folds[folds["role"] == "test"].groupby("fold")["speaker"].agg(lambda column: sorted(set(column)))
    )
    return [
        {"fold": int(fold), "test_speakers": speakers[fold]}
        | {role: int(counts[role].get(fold, 0)) if role in counts else 0 for role in (*ROLES, ROLE)}
        for fold in counts.index
    ]
