"""The leakage gate: nothing of a test speaker may be in what a model learns or is chosen by.

    findings = find(folds, table, fingerprints=prints)
    waived = guard(findings, waivers={"duplicate": "the copies are wanted"}, known=protocol.leaks)

A ``critical`` finding refuses the folds unless it is waived, or known of the protocol; a ``warning`` is for a person
to read; ``info`` is a fact about the corpus that other stages use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..artifacts.folds import Finding, Waived
from . import groups, moments, recordings, texts
from .dealt import Dealt
from .finding import KINDS, ROWS_AT_MOST, text_is_no_evidence
from .gate import guard, idle
from .published import unexpected_counts

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "KINDS",
    "ROWS_AT_MOST",
    "Finding",
    "Waived",
    "find",
    "guard",
    "idle",
    "text_is_no_evidence",
    "unexpected_counts",
]


def find(
    folds: pd.DataFrame, table: pd.DataFrame, *, fingerprints: pd.DataFrame | None = None
) -> list[Finding]:
    """Everything that crosses, or nearly crosses, the folds' borders.

    Args:
        folds: ``fold, utterance_id, label, role``, one row an utterance and fold (two where it has two roles).
        table: the utterance table; rows that are in no fold are not looked at.
        fingerprints: ``utterance_id, audio_fingerprint, face_fingerprint``; without them a copy in another codec is
            not seen.

    100,000 utterances in 5 folds take some ten seconds.
    """
    dealt = Dealt.of(folds, table)
    return [
        *groups.find(dealt),
        *moments.find(dealt),
        *recordings.find(dealt, fingerprints),
        *texts.find(dealt),
    ]
