"""The stage ``validate``: a corpus held against its data contract.

A breach ends the stage with an error, or sets the utterances aside that break the contract (``validation.on_breach``).
Verdict, pages and fingerprints are written first, so that the breach can be looked up.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

from .. import corpora, params, settings
from ..artifacts import validation as artifact
from ..artifacts.corpora import RAW
from ..artifacts.utterances import UTTERANCES, Unread
from ..artifacts.validation import Breach, Verdict
from ..corpora.attached.by_fold import AttachedByFold
from ..errors import ContractBreach, listed
from ..files import replacing
from ..schema import Layout
from ..validation.check import check
from ..validation.contract import clauses
from ..validation.data_docs import index
from ..validation.facts import gather, recorded
from ..validation.known import known
from ..validation.quarantine import quarantined
from .entry import run

if TYPE_CHECKING:
    import pandas as pd

ROWS_NAMED = 10


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold a corpus against its data contract.")
    parser.add_argument("corpus")
    corpus = parser.parse_args().corpus
    experiment = params.load()
    verdict = validate(
        corpus,
        bounds=experiment.validation,
        layout=experiment.layout(corpus),
        modalities=experiment.modalities,
        workers=settings.load().worker_count(),
    )
    for warning in verdict.warnings:
        print(f"warning: {sentence(warning)}", file=sys.stderr)
    if not verdict.ok:
        raise breach(verdict)
    print(
        f"{corpus}: the contract holds for {verdict.counts['utterances'] - len(verdict.quarantined)} utterances; "
        f"{len(verdict.warnings)} warning(s), {len(verdict.quarantined)} utterance(s) set aside, "
        f"{len(verdict.excluded)} unusable recording(s), {len(verdict.unread)} file(s) not read; each with its reason: "
        f"{Verdict.path(corpus=corpus)}"
    )


def validate(
    corpus: str, *, bounds: params.Validation, layout: Layout, modalities: Collection[str], workers: int
) -> Verdict:
    """Gather the media's facts, hold the contract against them, write the verdict, the pages and the fingerprints."""
    table = UTTERANCES.read(corpus=corpus)
    root = RAW / corpus
    named = corpora.layout_of(corpus, root, layout)
    published = known(corpus, layout=named, planted=corpora.is_planted(root))
    attached = corpora.attached_features(corpus, root, table["utterance_id"], layout)
    features = {modality: each.index for modality, each in attached.items()}
    facts = gather(table, root, workers=workers)
    contract = clauses(
        corpus,
        layout=named,
        known=published,
        modalities=set(modalities) - set(features),
        recorded=recorded(facts),
        features=features,
        shortest_s=bounds.shortest_s,
        longest_s=bounds.longest_s,
    )
    outcome = check(corpus, facts, contract, features=features, known=published)
    verdict = outcome.verdict
    if bounds.on_breach == "quarantine":
        verdict = quarantined(outcome, facts["utterance_id"])
    verdict = verdict.model_copy(
        update={
            "features": {name: each.coverage(table["utterance_id"]) for name, each in attached.items()},
            "fold_features": {
                name: each.declared for name, each in attached.items() if isinstance(each, AttachedByFold)
            },
            "unread": Unread.read(corpus=corpus).files,
        }
    )

    verdict.write(corpus=corpus)
    artifact.FINGERPRINTS.write(fingerprints(facts), corpus=corpus)
    with replacing(artifact.DATA_DOCS / corpus) as docs:
        docs.mkdir()
        (docs / "index.html").write_text(index(verdict.to_dict(), list(outcome.pages)), encoding="utf-8")
        for name, text in outcome.pages.items():
            (docs / f"{name}.html").write_text(text, encoding="utf-8")
    return verdict


def fingerprints(facts: pd.DataFrame) -> pd.DataFrame:
    """What each utterance's sound and face are recognised by, for the leakage gate; sorted by id."""
    columns = facts[["utterance_id", "audio_fingerprint", "face_fingerprint"]]
    return columns.sort_values("utterance_id", ignore_index=True)


def sentence(found: Breach) -> str:
    """One broken clause: what was expected, what was found, where, and what to do."""
    where = f"{found.table}, {found.column}" if found.column else found.table
    more = f" … and {found.count - ROWS_NAMED} more" if found.count > ROWS_NAMED else ""
    named = f": {listed(found.rows[:ROWS_NAMED])}{more}" if found.rows else ""
    return f"{where}: expected {found.expected}; found {found.found}{named}. {found.advice}"


def breach(verdict: Verdict) -> ContractBreach:
    """The error that ends the stage."""
    corpus, broken = verdict.corpus, verdict.critical
    lines = "\n".join(f"  - {sentence(each)}" for each in broken)
    advice = ""
    if all(each.of_rows for each in broken) and not verdict.quarantined:
        advice = "\nTo go on without these utterances: validation.on_breach: quarantine in params.yaml."
    return ContractBreach(
        f"the corpus {corpus} breaks its contract in {len(broken)} place(s), and nothing is made from it "
        f"(in full: {artifact.DATA_DOCS / corpus / 'index.html'} and {Verdict.path(corpus=corpus)}):\n{lines}{advice}"
    )


if __name__ == "__main__":
    run("validate", main)
