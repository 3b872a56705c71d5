"""The stage ``folds``: utterances assigned to folds by the protocol, and checked by the leakage gate."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from .. import leakage, params
from ..artifacts.folds import FOLDS, Finding, Folds, Leakage, Waived
from ..artifacts.utterances import UTTERANCES
from ..artifacts.validation import FINGERPRINTS, Verdict
from ..errors import ProtocolError, listed
from ..leakage import fold_features
from ..protocols import AUTO, Protocol, assigned, automatic, select, speakers_used
from ..protocols.display_name import display_name, why_inflated
from ..protocols.fold_table import digest, sizes
from ..protocols.selection import added
from ..protocols.unlabelled import as_training, bare_rows, left_over, unlabelled_count, with_unlabelled
from .entry import run
from .stated_protocol import stated_protocol

if TYPE_CHECKING:
    import pandas as pd

NOTHING_LEFT = "(no usable media)"
QUARANTINED = "(quarantined: breaks its contract)"
EXCLUDED = "excluded"
ROWS_SHOWN = 10


def main() -> None:
    experiment = params.load()
    every = read_tables(experiment.corpora)
    table, unusable = _usable(every, experiment.corpora, experiment.folds.exclude)
    labelled = table[table["corpus"].isin(experiment.labelled)].reset_index(drop=True)
    plan = _plan(experiment, labelled)
    selection = select(plan, labelled)
    bare = bare_rows(
        selection, table, corpora=experiment.folds.unlabelled, others=experiment.folds.keep_unlabelled
    )
    folds = with_unlabelled(plan, assigned(plan, selection), selection, bare)
    unlabelled = unlabelled_count(folds, bare)

    declared = _declared(experiment)
    fold_features.check(
        declared,
        plan,
        folds=folds["fold"].unique().tolist(),
        classes=selection.classes,
        speakers=every.dropna(subset=["speaker"]).groupby("corpus")["speaker"].unique().to_dict(),
    )
    waivers = experiment.folds.waivers
    findings = leakage.find(
        as_training(folds),
        table,
        fingerprints=_fingerprints(experiment.corpora),
        original_copies=[
            copy for name in experiment.corpora for copy in Verdict.read(corpus=name).original_copies
        ],
    )
    findings += fold_features.find(declared, folds)
    findings = [
        *leakage.unexpected_counts(plan, selection.rows),
        *leakage.ignored_split(plan, selection.rows),
        *findings,
        *leakage.idle(findings, waivers),
    ]
    _write_leakage(display_name(plan, selection, unlabelled=unlabelled), findings, [])
    waived = leakage.guard(findings, waivers=waivers, known=plan.leaks)
    inflated = why_inflated(plan, selection)
    kinds = [each.kind for each in waived]
    excluded = sum(
        count
        for reasons in unusable.values()
        for why, count in reasons.items()
        if why.startswith(f"({EXCLUDED}")
    )
    name = display_name(
        plan, selection, waived=kinds, waivers=waivers, unlabelled=unlabelled, excluded=excluded
    )
    _write_leakage(name, findings, waived)

    dropped = _together(left_over(folds, selection, bare), unusable)
    FOLDS.write(folds)
    Folds(
        protocol=name,
        id=plan.id,
        title=plan.title,
        source=plan.source,
        selection=plan.selection,
        inflated=inflated,
        shots=plan.scarcity.shots,
        unseen=list(plan.scarcity.unseen_of(selection.classes, protocol=plan.id)),
        label_space=plan.space.name,
        classes=list(selection.classes),
        digest=digest(folds),
        count=int(folds["fold"].nunique()),
        utterances=len(selection.rows),
        unlabelled=unlabelled,
        speakers=speakers_used(plan, selection.rows),
        folds=sizes(folds),
        waived=waived,
        dropped=added(dropped),
        dropped_by_corpus=dropped,
        findings=[each.model_copy(update={"rows": each.rows[:ROWS_SHOWN]}) for each in findings],
        text_repeats=leakage.text_is_no_evidence(findings),
    ).write()
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


def read_tables(corpora: Sequence[str]) -> pd.DataFrame:
    """The corpora's utterance tables as one, sorted by utterance id."""
    import pandas as pd

    tables = [UTTERANCES.read(corpus=name) for name in corpora]
    return pd.concat(tables, ignore_index=True).sort_values("utterance_id", ignore_index=True)


def _plan(experiment: params.Params, table: pd.DataFrame) -> Protocol:
    """The protocol that params name; for a corpus that nobody knows, by its speakers."""
    plan = stated_protocol(experiment)
    if experiment.protocol_name().partition(".")[0] != AUTO:
        return plan
    return stated_protocol(experiment, auto=automatic(plan, table))


def _declared(experiment: params.Params) -> fold_features.Declared:
    """What was declared of attached features that differ by fold, of the modalities in use."""
    return {
        (corpus, modality): each
        for corpus in experiment.corpora
        for modality, each in Verdict.read(corpus=corpus).fold_features.items()
        if modality in experiment.modalities
    }


def _usable(
    table: pd.DataFrame, corpora: Sequence[str], exclude: Mapping[str, params.Exclusion]
) -> tuple[pd.DataFrame, dict[str, dict[str, int]]]:
    """The table without what params exclude and what validation found unusable or set aside; corpus → why → how many
    those are."""
    counts: dict[str, dict[str, int]] = {}
    gone: set[str] = set()
    for name in corpora:
        verdict = Verdict.read(corpus=name)
        out = _excluded(table, name, exclude[name]) if name in exclude else set()
        aside = {each.utterance_id for each in verdict.quarantined} - out
        unusable = set(verdict.unusable) - aside - out
        counts[name] = {QUARANTINED: len(aside), NOTHING_LEFT: len(unusable)}
        if out:
            counts[name][f"({EXCLUDED}: {exclude[name].reason})"] = len(out)
        gone |= aside | unusable | out
    return table[~table["utterance_id"].isin(gone)].reset_index(drop=True), counts


def _excluded(table: pd.DataFrame, corpus: str, stated: params.Exclusion) -> set[str]:
    """The utterance ids that params exclude of a corpus."""
    there = set(table.loc[table["corpus"] == corpus, "utterance_id"])
    meant = {each: each if each in there else f"{corpus}/{each}" for each in stated.ids}
    if unknown := [each for each, full in meant.items() if full not in there]:
        close = difflib.get_close_matches(f"{corpus}/{unknown[0]}", there, n=1)
        hint = f"; did you mean {close[0].removeprefix(f'{corpus}/')}?" if close else ""
        raise ProtocolError(f"folds.exclude.{corpus}: the corpus has no utterance {listed(unknown)}{hint}")
    return set(meant.values())


def _fingerprints(corpora: Sequence[str]) -> pd.DataFrame:
    """What validation wrote of the recordings' sounds and faces."""
    import pandas as pd

    return pd.concat([FINGERPRINTS.read(corpus=name) for name in corpora], ignore_index=True)


def _write_leakage(name: str, findings: Collection[Finding], waived: Collection[Waived]) -> None:
    Leakage(protocol=name, findings=list(findings), waived=list(waived)).write()


def _together(*dropped: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Corpus → why → how many, of all of these, without zeros; sorted."""
    corpora = sorted(
        {corpus for counts in dropped for corpus, words in counts.items() if any(words.values())}
    )
    return {
        corpus: dict(sorted((why, n) for counts in dropped for why, n in counts.get(corpus, {}).items() if n))
        for corpus in corpora
    }


if __name__ == "__main__":
    run("folds", main)
