"""One moment of one recording on two sides of a fold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..artifacts.folds import Finding
from ..protocols import repeats
from .dealt import ROLES, TEST, TRAIN, VALIDATION, Dealt
from .finding import finding

if TYPE_CHECKING:
    import numpy as np

_OF = {TRAIN: "training", VALIDATION: "validation"}
_AGAINST = ((TEST, TRAIN), (VALIDATION, TRAIN), (TEST, VALIDATION))


def find(dealt: Dealt) -> list[Finding]:
    import numpy as np

    recording = repeats.recordings(dealt.table).to_numpy()
    entries = dealt.crossing(recording)
    findings = []
    for fold in np.unique(entries["fold"]).tolist():
        masks = dealt.masks(fold)
        found, said = np.zeros(len(dealt.table), dtype=bool), []
        for role, other in _AGAINST:
            rows = repeats.overlapping(dealt.table, masks[role], masks[other], recording=recording)
            if rows.any():
                found |= rows
                said.append(
                    f"{int(rows.sum()):,} of {int(masks[role].sum()):,} {ROLES[role]} clips with one of {_OF[other]}"
                )
        if found.any():
            findings.append(
                finding(
                    "overlap",
                    "critical",
                    fold=fold,
                    rows=dealt.ids[found],
                    explanation=f"fold {fold}: clips that overlap in time in one recording: {', '.join(said)}: "
                    f"{_partners(dealt, np.flatnonzero(found), recording, fold)}.",
                    advice="Give both clips one role, or leave the held-out one out.",
                )
            )
    return findings


def _partners(dealt: Dealt, rows: np.ndarray, recording: np.ndarray, fold: int) -> str:
    """The rows with one clip each that they overlap; only those shown are looked up."""
    import numpy as np

    start, end = (dealt.table[name].to_numpy(float) for name in ("start_s", "end_s"))
    role = np.full(len(dealt.table), -1)
    for each, mask in enumerate(dealt.masks(fold)):
        role[mask] = each
    shown = []
    for row in rows[:10]:
        other = (recording == recording[row]) & (role >= 0) & (role != role[row])
        other &= (start < end) & (start < end[row]) & (end > start[row])
        partner = np.flatnonzero(other)[0]
        shown.append(
            f"{dealt.ids[row]} ({ROLES[role[row]]}) and {dealt.ids[partner]} ({ROLES[role[partner]]})"
        )
    return ", ".join(shown) + (f" … and {len(rows) - len(shown)} more" if len(rows) > len(shown) else "")
