"""What the gate can find, and how a finding is made."""

from __future__ import annotations

from collections.abc import Sequence

from ..artifacts.folds import Finding

KINDS = {
    "utterance": "an utterance has two roles in one fold",
    "speaker": "speakers of the test also train or validate",
    "validation-speaker": "speakers of the validation also train",
    "session": "a session has more than one role",
    "episode": "an episode of a series has more than one role",
    "dialogue": "a dialogue has more than one role",
    "overlap": "clips that overlap in time in one recording have different roles",
    "performance": "files of one performance have different roles",
    "duplicate": "byte-identical recordings have different roles",
    "fingerprint": "copies of one recording in other codecs, rates or levels have different roles",
    "face-track": "films with the same pictures have different roles",
    "model-heard-test": "a fold's features came from a model that was trained on speakers of its test",
    "model-heard-validation": "a fold's features came from a model that was trained on speakers of its validation",
    "duplicate-text": "held-out sentences are in training word for word, and no corpus repeats them by design",
    "near-duplicate-text": "held-out sentences are in training but for a word or so",
}
"""What can be critical, and so be waived: in params.yaml, or by a protocol that is known for it."""

NOTES = ("repeated-text", "no-digest", "no-speaker", "count", "waiver", "split", "fold-features")
"""Kinds that never refuse."""

ROWS_AT_MOST = 1000
"""So many utterance ids are listed in one finding; ``count`` is always the whole number."""


def finding(
    kind: str, severity: str, *, fold: int | None, rows: Sequence[str], explanation: str, advice: str
) -> Finding:
    """A finding about these utterances, of which the first `ROWS_AT_MOST` are listed."""
    return Finding(
        kind=kind,
        severity=severity,
        fold=fold,
        rows=[str(row) for row in rows[:ROWS_AT_MOST]],
        count=len(rows),
        explanation=explanation,
        advice=advice,
    )


def text_is_no_evidence(findings: list[Finding]) -> bool:
    """Whether test sentences are nearly all known from training and say nothing of the label there (as in RAVDESS).

    Text alone must then score at chance; where it does not, something else leaks.
    """
    return any(each.kind == "repeated-text" and each.severity == "info" for each in findings)
