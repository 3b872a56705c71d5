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

from .. import params, settings
from ..errors import run
from ..files import replacing, write_json, write_table
from . import raters, read
from .digests import with_digests
from .planted import planted_ceilings

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
    ceilings, oracle = planted_ceilings(root, table, stated)
    with replacing(CEILINGS / corpus) as folder:
        folder.mkdir()
        write_json(folder / "ceilings.json", ceilings)
        write_table(folder / "oracle.parquet", oracle)
        people = {kind or "raters": asdict(held) for kind, held in raters.ceilings(table).items()}
        write_json(folder / "people.json", people)
    print(
        f"{corpus}: {len(table)} utterances of {table['speaker'].nunique()} speakers; {len(reading.unread)} not read"
    )


if __name__ == "__main__":
    run(main)
