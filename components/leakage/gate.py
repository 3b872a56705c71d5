"""Whether folds may be used: what is critical refuses them, unless somebody said why it may pass."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from ..artifacts.folds import Finding, Waived
from ..errors import LeakageError, listed
from .finding import KINDS, NOTES, finding

_FOLDS_NAMED = 3


def guard(
    findings: Iterable[Finding],
    *,
    waivers: Mapping[str, str] | None = None,
    known: Mapping[str, str] | None = None,
) -> list[Waived]:
    """Let folds pass in which all that is critical is waived or known.

    Args:
        waivers: kind → reason, from params.yaml.
        known: kind → why, of a protocol that has these leaks by design.

    Returns:
        What was there of the waived and known kinds, sorted by kind; a waiver's reason stands before the protocol's.

    Raises:
        LeakageError: naming the rows of every critical finding that is left, or a kind that there is none of.
    """
    findings, reasons = list(findings), {**(known or {}), **(waivers or {})}
    check_kinds(reasons)
    critical = [each for each in findings if each.severity == "critical" and each.kind not in reasons]
    if critical:
        kinds = {each.kind: None for each in critical}
        lines = "\n".join(f"  - {line}" for kind in kinds for line in _lines(kind, critical))
        raise LeakageError(
            f"the folds leak, so that no score under them would mean anything:\n{lines}\n"
            "Mend that; or, to go on in spite of it, say why in params.yaml, and every figure will carry it: "
            f"folds.waivers: {{{', '.join(f'{kind}: <why>' for kind in kinds)}}}"
        )
    there = {
        kind: [each.count for each in findings if each.kind == kind and _tells(each)]
        for kind in sorted(reasons)
    }
    return [
        Waived(kind=kind, reason=reasons[kind], count=max(counts)) for kind, counts in there.items() if counts
    ]


def check_kinds(kinds: Iterable[str]) -> None:
    """Check that there are such kinds of leak.

    Args:
        kinds: as ``folds.waivers`` of params names them.

    Raises:
        LeakageError: for one that there is none of, with the nearest that there is.
    """
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        notes = [kind for kind in unknown if kind in NOTES]
        also = f" ({listed(notes)} never refuses)" if notes else ""
        close = difflib.get_close_matches(unknown[0], KINDS, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise LeakageError(
            f"no kind of leak is called {listed(unknown)}{also}; {hint}folds.waivers in params.yaml may name: "
            f"{', '.join(KINDS)}"
        )


def idle(findings: Iterable[Finding], waivers: Mapping[str, str]) -> list[Finding]:
    """A warning for each waiver with nothing to waive: it may be left from another experiment."""
    there = {each.kind for each in findings if _tells(each)}
    return [
        finding(
            "waiver",
            "warning",
            fold=None,
            rows=[],
            explanation=f"folds.waivers names {kind} ({reason}), and there is no such leak: {KINDS.get(kind, kind)}.",
            advice="Take it out of params.yaml, so that it does not hide one that comes later.",
        )
        for kind, reason in sorted(waivers.items())
        if kind not in there
    ]


def _tells(found: Finding) -> bool:
    """Whether a finding is about rows in different roles: copies that share a role are only a warning."""
    return found.severity == "critical" or found.kind in ("duplicate-text", "near-duplicate-text")


def _lines(kind: str, critical: list[Finding]) -> list[str]:
    of_kind = [each for each in critical if each.kind == kind]
    lines = [f"{each.explanation} {each.advice} [{kind}]" for each in of_kind[:_FOLDS_NAMED]]
    if rest := of_kind[_FOLDS_NAMED:]:
        lines.append(f"likewise in the folds {listed(each.fold for each in rest)} [{kind}]")
    return lines
