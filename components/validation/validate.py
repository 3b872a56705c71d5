"""The stage ``validate``: a corpus held against its data contract.

Reads data/utterances/<corpus>.parquet, what its adapter could not read, and the files beneath data/raw/<corpus>; writes
reports/validation/<corpus>/verdict.json and fingerprints.parquet, and the Data Docs to reports/data-docs/<corpus>:

    fingerprints.parquet    utterance_id, audio_fingerprint, face_fingerprint; null where there is none

A breach stops here, or sets the utterances aside that break the contract (``validation.on_breach``); all is written
first, so that it can be read where and what it was.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .. import params, settings
from ..errors import ContractBreach, listed, run
from ..files import read_json, replacing, write_json, write_table
from ..schema import Layout
from .check import check
from .contract import clauses
from .facts import gather
from .known import known
from .pages import index
from .quarantine import quarantined

if TYPE_CHECKING:
    import pandas as pd

RAW = Path("data/raw")
UTTERANCES = Path("data/utterances")
REPORTS = Path("reports/validation")
DOCS = Path("reports/data-docs")
"""Apart from the verdicts, which the stage ``folds`` depends on."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold a corpus against its data contract.")
    parser.add_argument("corpus")
    corpus = parser.parse_args().corpus
    stated = params.load()
    verdict = validate(
        corpus,
        bounds=stated.validation,
        layout=stated.layout(corpus),
        workers=settings.load().worker_count(),
    )
    for warning in verdict["warnings"]:
        print(f"warning: {sentence(warning)}", file=sys.stderr)
    if not verdict["ok"]:
        raise breach(verdict)
    print(
        f"{corpus}: the contract holds for {verdict['counts']['utterances'] - len(verdict['quarantined'])} utterances; "
        f"{len(verdict['warnings'])} warning(s), {len(verdict['quarantined'])} utterance(s) set aside, "
        f"{len(verdict['excluded'])} unusable recording(s), {len(verdict['unread'])} file(s) not read"
    )


def validate(corpus: str, *, bounds: params.Validation, layout: Layout, workers: int) -> dict:
    """Gather the media's facts, hold the contract against them, write the verdict, the pages and the fingerprints.

    Returns:
        The verdict.
    """
    import pandas as pd

    from .. import corpora

    table = pd.read_parquet(UTTERANCES / f"{corpus}.parquet")
    root = RAW / corpus
    named = corpora.layout_of(corpus, root, layout)
    published = known(named)
    if published and corpora.is_planted(root):
        published = published.without_counts()
    attached = corpora.attached_features(corpus, root, table["utterance_id"], layout)
    features = {modality: held.index for modality, held in attached.items()}
    facts = gather(table, root, workers=workers)
    contract = clauses(
        corpus,
        layout=named,
        known=published,
        features=features,
        shortest_s=bounds.shortest_s,
        longest_s=bounds.longest_s,
    )
    outcome = check(corpus, facts, contract, features=features, known=published)
    verdict = outcome.verdict
    if bounds.on_breach == "quarantine":
        verdict = quarantined(outcome, facts["utterance_id"])
    verdict["features"] = {name: held.coverage(table["utterance_id"]) for name, held in attached.items()}
    verdict["unread"] = read_json(UTTERANCES / f"{corpus}.unread.json")

    folder = REPORTS / corpus
    write_json(folder / "verdict.json", verdict)
    write_table(folder / "fingerprints.parquet", fingerprints(facts))
    with replacing(DOCS / corpus) as docs:
        docs.mkdir()
        (docs / "index.html").write_text(index(verdict, list(outcome.pages)), encoding="utf-8")
        for name, text in outcome.pages.items():
            (docs / f"{name}.html").write_text(text, encoding="utf-8")
    return verdict


def fingerprints(facts: pd.DataFrame) -> pd.DataFrame:
    """What each utterance's sound and face are known by, for the leakage gate; sorted by id."""
    held = facts[["utterance_id", "audio_fingerprint", "face_fingerprint"]]
    return held.sort_values("utterance_id", ignore_index=True)


def sentence(finding: dict) -> str:
    """One broken clause: what was expected, what was found, where, and what to do."""
    where = f"{finding['table']}, {finding['column']}" if finding["column"] else finding["table"]
    rows = finding["rows"]
    more = f" … and {finding['count'] - 10} more" if finding["count"] > 10 else ""
    named = f": {listed(rows[:10])}{more}" if rows else ""
    return f"{where}: expected {finding['expected']}; found {finding['found']}{named}. {finding['advice']}"


def breach(verdict: dict) -> ContractBreach:
    corpus, broken = verdict["corpus"], verdict["critical"]
    said = "\n".join(f"  - {sentence(finding)}" for finding in broken)
    aside = ""
    if all(finding["of_rows"] for finding in broken) and not verdict["quarantined"]:
        aside = "\nTo go on without these utterances: validation.on_breach: quarantine in params.yaml."
    return ContractBreach(
        f"the corpus {corpus} breaks its contract in {len(broken)} place(s), and nothing is made from it "
        f"(all of it: {DOCS / corpus / 'index.html'} and {REPORTS / corpus / 'verdict.json'}):\n{said}{aside}"
    )


if __name__ == "__main__":
    run(main)
