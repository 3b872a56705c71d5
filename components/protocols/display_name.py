"""The display name of a protocol, which every figure carries: its id and its caveats."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .assignment import declares_split, speakers_used
from .lookup import Protocol
from .selection import Selection


def why_inflated(plan: Protocol, selection: Selection) -> str | None:
    """Why the figures are too good; None where they are not."""
    if plan.inflated is None and selection.nameless and not plan.scheme.by_speaker:
        return (
            f"the speakers of {selection.nameless} utterances are unknown: whether the test's speakers also train "
            "cannot be checked"
        )
    return plan.inflated


def display_name(
    plan: Protocol,
    selection: Selection,
    *,
    waived: Sequence[str] = (),
    waivers: Collection[str] = (),
    unlabelled: Collection[str] = (),
    excluded: int = 0,
) -> str:
    """The protocol's name as every figure carries it.

    ``iemocap4.random (inflated)``, ``meld7.official (leaks: episode, speaker)``, ``emotion7.kfold4 (waived: session)``,
    ``ravdess8.luna5 (subset 5 of 24)``, ``ravdess8.luna5 (unlabelled: lrs3)``, ``own.kfold5 (own split ignored)``.

    Args:
        waived: kinds of leak that the gate lets through; those in ``waivers`` by params.yaml, the others since the
            protocol has them by design.
        unlabelled: corpora that are learned from without a label.
        excluded: how many utterances a person leaves out.
    """
    inflated = why_inflated(plan, selection) is not None
    known = [kind for kind in waived if kind not in waivers]
    answered = [kind for kind in waived if kind in waivers]
    speakers = speakers_used(plan, selection.rows)
    declared = declares_split(selection.rows)
    notes = [
        "inflated" * inflated,
        f"leaks: {', '.join(known)}" * bool(known and not inflated),
        f"waived: {', '.join(answered)}" * bool(answered),
        speakers * (not speakers.startswith("all")),
        f"unlabelled: {', '.join(unlabelled)}" * bool(unlabelled),
        f"{excluded} excluded" * bool(excluded),
        "own split ignored" * (plan.published is None and plan.scheme.test != "official" and declared),
    ]
    caveats = "; ".join(note for note in notes if note)
    return f"{plan.id} ({caveats})" if caveats else plan.id
