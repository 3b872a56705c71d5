"""The stage ``validate``: a corpus held against its data contract.

Reads data/utterances/<corpus>.parquet, what its adapter could not read, and the files beneath data/raw/<corpus>; writes
reports/validation/<corpus>/verdict.json and docs/. A breach stops here; both are written first, so that it can be
read where and what it was.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .. import params, settings
from ..errors import ContractBreach, listed, run
from ..files import read_json, replacing, write_json
from ..schema import Layout
from .check import Outcome, check
from .contract import clauses
from .facts import gather
from .pages import index

if TYPE_CHECKING:
    import pandas as pd

RAW = Path("data/raw")
UTTERANCES = Path("data/utterances")
REPORTS = Path("reports/validation")


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold a corpus against its data contract.")
    parser.add_argument("corpus")
    corpus = parser.parse_args().corpus
    stated = params.load()
    outcome = validate(
        corpus,
        bounds=stated.validation,
        layout=stated.layout(corpus),
        workers=settings.load().worker_count(),
    )
    verdict = outcome.verdict
    for warning in verdict["warnings"]:
        print(f"warning: {sentence(warning)}", file=sys.stderr)
    if not verdict["ok"]:
        raise breach(verdict)
    print(
        f"{corpus}: the contract holds for {verdict['counts']['utterances']} utterances; "
        f"{len(verdict['warnings'])} warning(s), {len(verdict['excluded'])} unusable recording(s), "
        f"{len(verdict['unread'])} file(s) not read"
    )


def validate(corpus: str, *, bounds: params.Validation, layout: Layout, workers: int) -> Outcome:
    """Gather the media's facts, hold the contract against them, write the verdict and the pages."""
    import pandas as pd

    table = pd.read_parquet(UTTERANCES / f"{corpus}.parquet")
    root = RAW / corpus
    facts = gather(table, root, workers=workers)
    contract = clauses(corpus, shortest_s=bounds.shortest_s, longest_s=bounds.longest_s)
    outcome = check(corpus, facts, contract, with_features=_with_features(corpus, root, table, layout))
    outcome.verdict["unread"] = read_json(UTTERANCES / f"{corpus}.unread.json")

    folder = REPORTS / corpus
    write_json(folder / "verdict.json", outcome.verdict)
    with replacing(folder / "docs") as docs:
        docs.mkdir()
        (docs / "index.html").write_text(index(outcome.verdict, list(outcome.pages)), encoding="utf-8")
        for name, text in outcome.pages.items():
            (docs / f"{name}.html").write_text(text, encoding="utf-8")
    return outcome


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
    return ContractBreach(
        f"the corpus {corpus} breaks its contract in {len(broken)} place(s), and nothing is made from it "
        f"(all of it: {REPORTS / corpus / 'docs' / 'index.html'}, verdict.json beside it):\n{said}"
    )


def _with_features(corpus: str, root: Path, table: pd.DataFrame, layout: Layout) -> set[str]:
    """The utterances of which a feature table came along."""
    from .. import corpora

    attached = corpora.attached(corpus, root, table["utterance_id"], layout)
    return {name for features in attached.values() for name in features.index}


if __name__ == "__main__":
    run(main)
