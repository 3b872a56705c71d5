"""The stage ``folds``: the corpora's utterances dealt by the protocol, and let through by the leakage gate.

Reads data/utterances and what validation found; writes data/folds.parquet, data/folds.json and
reports/leakage.json (which is there to be read when the gate refuses, too).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .. import leakage, params
from ..errors import ProtocolError, run
from ..files import read_json, write_json, write_table
from . import AUTO, ROLES, Protocol, Selection, assigned, automatic, protocol, select, speakers_used
from .selection import added
from .unlabelled import ROLE, as_training, bare_rows, left_over, unlabelled_count, with_unlabelled

if TYPE_CHECKING:
    import pandas as pd

UTTERANCES = Path("data/utterances")
VALIDATION = Path("reports/validation")
FOLDS = Path("data/folds.parquet")
DESCRIPTION = Path("data/folds.json")
LEAKAGE = Path("reports/leakage.json")

NOTHING_LEFT = "(no usable media)"
QUARANTINED = "(quarantined: breaks its contract)"
ROWS_SHOWN = 10


def main() -> None:
    held = params.load()
    table, apart = _usable(read_tables(held.corpora), held.corpora)
    labelled = table[table["corpus"].isin(held.labelled)].reset_index(drop=True)
    plan = _plan(held, labelled)
    selection = select(plan, labelled)
    bare = bare_rows(selection, table, corpora=held.folds.unlabelled, others=held.folds.keep_unlabelled)
    folds = with_unlabelled(plan, assigned(plan, selection), selection, bare)
    unlabelled = unlabelled_count(folds, bare)

    waivers = held.folds.waivers
    findings = leakage.find(as_training(folds), table, fingerprints=_fingerprints(held.corpora))
    findings = [
        *_unexpected_counts(plan, selection.rows),
        *findings,
        *leakage.idle(findings, waivers),
    ]
    _say(shown(plan, selection, unlabelled=unlabelled), findings, [])
    waived = leakage.guard(findings, waivers=waivers, known=plan.leaks)
    inflated = why_inflated(plan, selection)
    kinds = [each.kind for each in waived]
    name = shown(plan, selection, waived=kinds, waivers=waivers, unlabelled=unlabelled)
    _say(name, findings, waived)

    dropped = _together(left_over(folds, selection, bare), apart)
    write_table(FOLDS, folds)
    write_json(
        DESCRIPTION,
        {
            "protocol": name,
            "id": plan.id,
            "title": plan.title,
            "source": plan.source,
            "selection": plan.selection,
            "inflated": inflated,
            "shots": plan.scarcity.shots,
            "unseen": list(plan.scarcity.unseen_of(selection.classes, protocol=plan.id)),
            "label_space": plan.space.name,
            "classes": list(selection.classes),
            "digest": digest(folds),
            "count": int(folds["fold"].nunique()),
            "utterances": len(selection.rows),
            "unlabelled": unlabelled,
            "speakers": speakers_used(plan, selection.rows),
            "folds": _sizes(folds),
            "waived": [each.to_dict() for each in waived],
            "dropped": added(dropped),
            "dropped_by_corpus": dropped,
            "findings": [finding.to_dict() | {"rows": finding.rows[:ROWS_SHOWN]} for finding in findings],
            "text_repeats": leakage.text_is_no_evidence(findings),
        },
    )
    print(f"{name}: {folds['fold'].nunique()} folds of {len(selection.rows)} utterances")
    for corpus, count in unlabelled.items():
        print(f"learned from without a label: {count} utterances of {corpus}")
    if inflated:
        print(f"inflated: {inflated}")
    for each in waived:
        print(f"lets through {each.kind} ({each.count} utterances): {each.reason}")
    for corpus, words in dropped.items():
        for word, count in words.items():
            print(f"left out of {corpus}: {count} × {word}")
    for finding in findings:
        print(f"{finding.severity}: {finding.explanation} {finding.advice}")


def read_tables(corpora: list[str], folder: Path = UTTERANCES) -> pd.DataFrame:
    """The corpora's utterance tables as one, sorted by utterance id.

    Raises:
        ProtocolError: for a table that is not there.
    """
    import pandas as pd

    missing = [name for name in corpora if not (folder / f"{name}.parquet").is_file()]
    if missing:
        raise ProtocolError(f"{folder} has no table of {', '.join(missing)}; make it: dvc repro utterances")
    tables = [pd.read_parquet(folder / f"{name}.parquet") for name in corpora]
    return pd.concat(tables, ignore_index=True).sort_values("utterance_id", ignore_index=True)


def digest(folds: pd.DataFrame) -> str:
    """The SHA-256 over fold, utterance id and role of all rows, sorted: the same folds, the same digest."""
    rows = folds.sort_values(["fold", "utterance_id", "role"])
    lines = rows["fold"].astype("str") + "\t" + rows["utterance_id"] + "\t" + rows["role"]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def why_inflated(plan: Protocol, selection: Selection) -> str | None:
    """Why the figures are too good; None where they are not."""
    if plan.inflated is None and selection.nameless and not plan.deal.by_speaker:
        return (
            f"nobody knows who speaks in {selection.nameless} utterances: whether the test's speakers also train "
            "cannot be told"
        )
    return plan.inflated


def shown(
    plan: Protocol,
    selection: Selection,
    *,
    waived: Sequence[str] = (),
    waivers: Collection[str] = (),
    unlabelled: Collection[str] = (),
) -> str:
    """The protocol's name as every figure carries it.

    ``iemocap4.random (inflated)``, ``meld7.official (leaks: episode, speaker)``, ``emotion7.kfold4 (waived: session)``,
    ``ravdess8.luna5 (subset 5 of 24)``, ``ravdess8.luna5 (unlabelled: lrs3)``.

    Args:
        waived: kinds of leak that the gate lets through; those in ``waivers`` since somebody answers for them, the
            others since the protocol is known for them.
        unlabelled: corpora that are learned from without a label.
    """
    inflated = why_inflated(plan, selection) is not None
    known = [kind for kind in waived if kind not in waivers]
    answered = [kind for kind in waived if kind in waivers]
    speakers = speakers_used(plan, selection.rows)
    notes = [
        "inflated" * inflated,
        f"leaks: {', '.join(known)}" * bool(known and not inflated),
        f"waived: {', '.join(answered)}" * bool(answered),
        speakers * (not speakers.startswith("all")),
        f"unlabelled: {', '.join(unlabelled)}" * bool(unlabelled),
    ]
    said = "; ".join(note for note in notes if note)
    return f"{plan.id} ({said})" if said else plan.id


def _plan(held: params.Params, table: pd.DataFrame) -> Protocol:
    """The protocol that params name; for a corpus that nobody knows, by its speakers."""
    name = held.protocol_name()
    layouts = {corpus: held.layout(corpus).layout for corpus in held.labelled}
    known = {corpus: layout for corpus, layout in layouts.items() if layout != AUTO}
    made = partial(protocol, space=held.space(), seed=held.folds.seed, known=known, waived=held.folds.waivers)
    first, dot, rest = name.partition(".")
    return made(automatic(made("kfold5"), table) + dot + rest if first == AUTO else name)


def _usable(table: pd.DataFrame, corpora: list[str]) -> tuple[pd.DataFrame, dict[str, dict[str, int]]]:
    """The table without what validation found nothing usable of or set aside; corpus → why → how many those are."""
    apart: dict[str, dict[str, int]] = {}
    gone = set()
    for name in corpora:
        verdict = read_json(VALIDATION / name / "verdict.json")
        aside = {row["utterance_id"] for row in verdict.get("quarantined", [])}
        unusable = set(verdict["unusable"]) - aside
        apart[name] = {QUARANTINED: len(aside), NOTHING_LEFT: len(unusable)}
        gone |= aside | unusable
    return table[~table["utterance_id"].isin(gone)].reset_index(drop=True), apart


def _fingerprints(corpora: list[str]) -> pd.DataFrame | None:
    """What validation wrote of the recordings' sounds and faces; None where nothing was decoded."""
    import pandas as pd

    paths = [VALIDATION / name / "fingerprints.parquet" for name in corpora]
    tables = [pd.read_parquet(path) for path in paths if path.is_file()]
    return pd.concat(tables, ignore_index=True) if tables else None


def _say(name: str, findings: list[leakage.Finding], waived: list[leakage.Waived]) -> None:
    held = {"findings": [each.to_dict() for each in findings], "waived": [each.to_dict() for each in waived]}
    write_json(LEAKAGE, {"protocol": name} | held)


def _together(*dropped: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Corpus → why → how many, of all of these, without zeros; sorted."""
    corpora = sorted({corpus for held in dropped for corpus, words in held.items() if any(words.values())})
    return {
        corpus: dict(sorted((why, n) for held in dropped for why, n in held.get(corpus, {}).items() if n))
        for corpus in corpora
    }


def _unexpected_counts(plan: Protocol, rows: pd.DataFrame) -> list[leakage.Finding]:
    """Where the published protocol has another number of utterances: the scores differ then."""
    expected = plan.published.counts if plan.published else None
    if expected is None:
        return []
    counts = rows.groupby("speaker").size()
    other = counts[counts != expected.per_speaker] if expected.per_speaker else counts[:0]
    if not other.empty:
        said = ", ".join(f"{speaker}: {count}" for speaker, count in other.items())
        said = f"{expected.per_speaker} utterances of each speaker; here it is {said}"
    elif expected.utterances not in (None, len(rows)) and not expected.per_speaker:
        said = f"{expected.utterances:,} utterances; here there are {len(rows):,}"
    else:
        return []
    named = rows.loc[rows["speaker"].isin(other.index), "utterance_id"]
    return [
        leakage.Finding(
            kind="count",
            severity="warning",
            fold=None,
            rows=named.tolist()[: leakage.ROWS_AT_MOST],
            count=len(named) or abs(len(rows) - (expected.utterances or 0)),
            explanation=f"{plan.id} has {said}.",
            advice="Complete the corpus, or say so beside the scores: they are not quite the published protocol's.",
        )
    ]


def _sizes(folds: pd.DataFrame) -> list[dict]:
    counts = folds.groupby(["fold", "role"]).size().unstack(fill_value=0)
    speakers = (
        folds[folds["role"] == "test"].groupby("fold")["speaker"].agg(lambda column: sorted(set(column)))
    )
    return [
        {"fold": int(fold), "test_speakers": speakers[fold]}
        | {role: int(counts[role].get(fold, 0)) if role in counts else 0 for role in (*ROLES, ROLE)}
        for fold in counts.index
    ]


if __name__ == "__main__":
    run(main)
