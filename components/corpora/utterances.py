"""The stage ``utterances``: a corpus's layout on disk, as one row an utterance.

Reads data/raw/<corpus>. Writes data/utterances/<corpus>.parquet, what could not be read with its reason to
data/utterances/<corpus>.unread.json, and what the corpus knows of its own limits to data/ceilings/<corpus>/:

    people.json       {kind of rater: {"accuracy", "ua", "utterances", "raters"}}: how well people agree; {} without
    ceilings.json     {"population": {subset: accuracy}, "oracle": {subset: accuracy}}; {} without planted truth
    oracle.parquet    utterance_id, subset, label, prediction, correct, and how probable each label is; without rows
                      where nothing is planted
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from .. import params, settings
from ..errors import CorpusError, listed, run
from ..files import read_json, replacing, write_json, write_table
from ..schema import UNSTATED, Layout
from . import bayes, raters, read, truth
from .digests import with_digests

if TYPE_CHECKING:
    import pandas as pd

RAW = Path("data/raw")
UTTERANCES = Path("data/utterances")
CEILINGS = Path("data/ceilings")


def main() -> None:
    parser = argparse.ArgumentParser(description="A corpus's layout on disk, as one row an utterance.")
    parser.add_argument("corpus")
    corpus = parser.parse_args().corpus
    root = RAW / corpus
    stated = params.load().layout(corpus)
    reading = read(corpus, root, stated)
    for each in reading.unread[:10]:
        print(f"not read: {each['path']}: {each['reason']}", file=sys.stderr)
    if len(reading.unread) > 10:
        print(f"not read: {len(reading.unread) - 10} more", file=sys.stderr)
    table = with_digests(reading.table, root, workers=settings.load().worker_count())
    write_table(UTTERANCES / f"{corpus}.parquet", table)
    write_json(UTTERANCES / f"{corpus}.unread.json", reading.unread)
    ceilings, oracle = planted(root, table, stated)
    with replacing(CEILINGS / corpus) as folder:
        folder.mkdir()
        write_json(folder / "ceilings.json", ceilings)
        write_table(folder / "oracle.parquet", oracle)
        people = {kind or "raters": asdict(held) for kind, held in raters.ceilings(table).items()}
        write_json(folder / "people.json", people)
    print(
        f"{corpus}: {len(table)} utterances of {table['speaker'].nunique()} speakers; {len(reading.unread)} not read"
    )


def planted(root: Path, table: pd.DataFrame, stated: Layout = UNSTATED) -> tuple[dict, pd.DataFrame]:
    """The ceilings of a corpus with planted truth, in any layout, and the oracle's answers on its table's utterances.

    The ceilings are those of the planted labels, over the utterances that have one in the table; over all where the
    corpus has words of its own alone (MuSe's humour). Of what raters perceive instead (``stated.raters``) nothing is
    known.

    Raises:
        CorpusError: the truth beside the corpus is not of this corpus.
    """
    import pandas as pd

    path = root / "truth" / "displays.parquet"
    if not path.is_file() or stated.raters is not None:
        empty = {
            "utterance_id": "str",
            "subset": "str",
            "label": "str",
            "prediction": "str",
            "correct": "bool",
        }
        return {}, pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in empty.items()})
    held = truth.Truth.from_json(read_json(path.parent / "ceilings.json"))
    displays = pd.read_parquet(path)
    displays["utterance_id"] = f"{root.name}/" + displays["id"]
    said = table[["utterance_id", "label"]].rename(columns={"label": "said"})
    joined = said.merge(displays, on="utterance_id", how="left")
    wrong = joined["said"].notna() & (joined["said"] == joined["label"]).fillna(False).eq(False)
    if wrong.any():
        raise CorpusError(
            f"{path} does not have these utterances with the label that the corpus gives them: "
            f"{listed(joined.loc[wrong, 'utterance_id'])}; "
            f"make the corpus anew: remove {root}, then emoflow corpora synthesise as before (what was asked for "
            f"is in {path.parent / 'request.json'})"
        )
    labelled = joined[joined["said"].notna()]
    oracle = bayes.oracle(joined if labelled.empty else labelled, held)
    return bayes.ceilings(held, oracle), oracle


if __name__ == "__main__":
    run(main)
