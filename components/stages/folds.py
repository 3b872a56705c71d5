"""The stage ``folds``: utterances assigned to folds by the protocol, and checked by the leakage gate."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING

from .. import leakage, params
from ..artifacts.folds import FOLDS, Finding, Folds, Leakage, Waived
from ..artifacts.utterances import UTTERANCES
from ..artifacts.validation import FINGERPRINTS, Verdict
from ..protocols import AUTO, Protocol, assigned, automatic, protocol, select, speakers_used
from ..protocols.display_name import display_name, why_inflated
from ..protocols.fold_table import digest, sizes
from ..protocols.selection import added
from ..protocols.unlabelled import as_training, bare_rows, left_over, unlabelled_count, with_unlabelled
from .entry import run

if TYPE_CHECKING:
    import pandas as pd

NOTHING_LEFT = "(no usable media)"
QUARANTINED = "(quarantined: breaks its contract)"
ROWS_SHOWN = 10


def main() -> None:
    experiment = params.load()
    table, unusable = _usable(read_tables(experiment.corpora), experiment.corpora)
    labelled = table[table["corpus"].isin(experiment.labelled)].reset_index(drop=True)
    plan = _plan(experiment, labelled)
    selection = select(plan, labelled)
    bare = bare_rows(
        selection, table, corpora=experiment.folds.unlabelled, others=experiment.folds.keep_unlabelled
    )
    folds = with_unlabelled(plan, assigned(plan, selection), selection, bare)
    unlabelled = unlabelled_count(folds, bare)

    waivers = experiment.folds.waivers
    findings = leakage.find(as_training(folds), table, fingerprints=_fingerprints(experiment.corpora))
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
    name = display_name(plan, selection, waived=kinds, waivers=waivers, unlabelled=unlabelled)
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
    name = experiment.protocol_name()
    layouts = {corpus: experiment.layout(corpus).layout for corpus in experiment.labelled}
    known = {corpus: layout for corpus, layout in layouts.items() if layout != AUTO}
    made = partial(
        protocol,
        space=experiment.space(),
        seed=experiment.folds.seed,
        known=known,
        waived=experiment.folds.waivers,
    )
    first, dot, rest = name.partition(".")
    return made(automatic(made("kfold5"), table) + dot + rest if first == AUTO else name)


def _usable(table: pd.DataFrame, corpora: Sequence[str]) -> tuple[pd.DataFrame, dict[str, dict[str, int]]]:
    """The table without what validation found unusable or set aside; corpus → why → how many those are."""
    counts: dict[str, dict[str, int]] = {}
    gone: set[str] = set()
    for name in corpora:
        verdict = Verdict.read(corpus=name)
        aside = {each.utterance_id for each in verdict.quarantined}
        unusable = set(verdict.unusable) - aside
        counts[name] = {QUARANTINED: len(aside), NOTHING_LEFT: len(unusable)}
        gone |= aside | unusable
    return table[~table["utterance_id"].isin(gone)].reset_index(drop=True), counts


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
