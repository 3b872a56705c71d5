"""Quarantines the utterances that break the data contract, so that the rest of the corpus can be used."""

from __future__ import annotations

from collections.abc import Iterable

from ..artifacts.validation import Quarantined, Verdict
from .check import Outcome

SET_ASIDE = "Set aside (validation.on_breach is quarantine). "


def quarantined(outcome: Outcome, ids: Iterable[str]) -> Verdict:
    """The verdict once the utterances that break a critical clause are set aside.

    What they break becomes a warning, so that it is still read; what the corpus as a whole breaks stays critical. The
    utterances are listed under ``quarantined``, sorted, and no longer as unusable. Where no utterance would be left,
    the verdict is as it was.

    Args:
        ids: of all utterances.
    """
    verdict = outcome.verdict
    reasons: dict[str, list[str]] = {}
    for clause, rows in outcome.rows:
        for row, found in rows.items():
            reasons.setdefault(row, []).append(f"{clause.column}: expected {clause.expected}; found {found}")
    if not set(ids) - set(reasons):
        return verdict
    critical = [each for each in verdict.critical if not each.of_rows]
    warnings = [
        each.model_copy(update={"advice": SET_ASIDE + each.advice})
        for each in verdict.critical
        if each.of_rows
    ]
    return verdict.model_copy(
        update={
            "ok": not critical,
            "critical": critical,
            "warnings": warnings + verdict.warnings,
            "counts": verdict.counts | {"quarantined": len(reasons)},
            "unusable": [each for each in verdict.unusable if each not in reasons],
            "quarantined": [
                Quarantined(utterance_id=name, reasons=found) for name, found in sorted(reasons.items())
            ],
        }
    )
