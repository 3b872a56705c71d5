"""Finds clips of one recording that overlap in time and have different roles in a fold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..artifacts.folds import Finding
from ..protocols import repeats
from .finding import finding
from .fold_roles import ROLES, TEST, TRAIN, VALIDATION, FoldRoles

if TYPE_CHECKING:
    import numpy as np

_OF = {TRAIN: "training", VALIDATION: "validation"}
_AGAINST = ((TEST, TRAIN), (VALIDATION, TRAIN), (TEST, VALIDATION))


def find(fold_roles: FoldRoles) -> list[Finding]:
    import numpy as np

    recording = repeats.recordings(fold_roles.table).to_numpy()
    entries = fold_roles.crossing(recording)
    findings = []
    for fold in np.unique(entries["fold"]).tolist():
        masks = fold_roles.masks(fold)
        found, counts = np.zeros(len(fold_roles.table), dtype=bool), []
        for role, other in _AGAINST:
            rows = repeats.overlapping(fold_roles.table, masks[role], masks[other], recording=recording)
            if rows.any():
                found |= rows
                counts.append(
                    f"{int(rows.sum()):,} of {int(masks[role].sum()):,} {ROLES[role]} clips with one of {_OF[other]}"
                )
        if found.any():
            findings.append(
                finding(
                    "overlap",
                    "critical",
                    fold=fold,
                    rows=fold_roles.ids[found],
                    explanation=f"fold {fold}: clips that overlap in time in one recording: {', '.join(counts)}: "
                    f"{_partners(fold_roles, np.flatnonzero(found), recording, fold)}.",
                    advice="Give both clips one role, or leave the held-out one out.",
                )
            )
    return findings


def _partners(fold_roles: FoldRoles, rows: np.ndarray, recording: np.ndarray, fold: int) -> str:
    """The rows with one clip each that they overlap; only those shown are looked up."""
    import numpy as np

    start, end = (fold_roles.table[name].to_numpy(float) for name in ("start_s", "end_s"))
    role = np.full(len(fold_roles.table), -1)
    for each, mask in enumerate(fold_roles.masks(fold)):
        role[mask] = each
    shown = []
    for row in rows[:10]:
        other = (recording == recording[row]) & (role >= 0) & (role != role[row])
        other &= (start < end) & (start < end[row]) & (end > start[row])
        partner = np.flatnonzero(other)[0]
        shown.append(
            f"{fold_roles.ids[row]} ({ROLES[role[row]]}) and {fold_roles.ids[partner]} ({ROLES[role[partner]]})"
        )
    return ", ".join(shown) + (f" … and {len(rows) - len(shown)} more" if len(rows) > len(shown) else "")
