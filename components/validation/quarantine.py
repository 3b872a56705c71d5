"""Setting aside the utterances that break the contract, so that the rest of the corpus can go on without them."""

from __future__ import annotations

from collections.abc import Iterable

from .check import Outcome

SET_ASIDE = "Set aside (validation.on_breach is quarantine). "


def quarantined(outcome: Outcome, ids: Iterable[str]) -> dict:
    """The verdict once the utterances that break a critical clause are set aside.

    What they break becomes a warning, so that it is still read; what the corpus as a whole breaks stays critical. The
    verdict gains ``quarantined``: ``{"utterance_id", "reasons"}``, sorted; of these nothing is listed as unusable any
    more. Where no utterance would be left, the verdict is as it was.

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
    broken = verdict["critical"]
    stays = [each for each in broken if not each["of_rows"]]
    told = [each | {"advice": SET_ASIDE + each["advice"]} for each in broken if each["of_rows"]]
    return verdict | {
        "ok": not stays,
        "critical": stays,
        "warnings": told + verdict["warnings"],
        "counts": verdict["counts"] | {"quarantined": len(reasons)},
        "unusable": [each for each in verdict["unusable"] if each not in reasons],
        "quarantined": [{"utterance_id": name, "reasons": said} for name, said in sorted(reasons.items())],
    }
