"""The leakage gate: refuses folds in which training or validation contains something of the test.

    findings = find(folds, table, fingerprints=prints)
    waived = guard(findings, waivers={"duplicate": "the copies are wanted"}, known=protocol.leaks)

A ``critical`` finding refuses the folds unless params.yaml waives it or the protocol has it by design; a ``warning`` is
for a person to read; ``info`` is a fact about the corpus that other stages use.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ..artifacts.folds import Finding, Waived
from . import groups, overlaps, recordings, texts
from .finding import KINDS, ROWS_AT_MOST, text_is_no_evidence
from .fold_roles import FoldRoles
from .gate import check_kinds, guard, idle
from .published import ignored_split, unexpected_counts

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "KINDS",
    "ROWS_AT_MOST",
    "Finding",
    "Waived",
    "check_kinds",
    "find",
    "guard",
    "idle",
    "ignored_split",
    "text_is_no_evidence",
    "unexpected_counts",
]


def find(
    folds: pd.DataFrame,
    table: pd.DataFrame,
    *,
    fingerprints: pd.DataFrame | None = None,
    original_copies: Collection[str] = (),
) -> list[Finding]:
    """Find everything that has, or nearly has, more than one role in a fold.

    Args:
        folds: ``fold, utterance_id, label, role``, one row an utterance and fold (two where it has two roles).
        table: the utterance table; rows that are in no fold are not looked at.
        fingerprints: ``utterance_id, audio_fingerprint, face_fingerprint``; without them a copy in another codec is
            not seen.
        original_copies: utterances that are copies of one another in the corpus as it was published; listed apart.

    100,000 utterances in 5 folds take some ten seconds.
    """
    fold_roles = FoldRoles.of(folds, table)
    return [
        *groups.find(fold_roles),
        *overlaps.find(fold_roles),
        *recordings.find(fold_roles, fingerprints, original_copies),
        *texts.find(fold_roles),
    ]
