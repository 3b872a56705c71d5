"""The stage ``utterances``: a corpus's layout on disk as the utterance table, one row per utterance."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from .. import params, settings
from ..artifacts import utterances as artifact
from ..artifacts.corpora import RAW
from ..corpora import raters, read
from ..corpora.media_digests import with_digests
from ..corpora.planted_truth import planted_ceilings
from ..files import replacing, write_table
from .entry import run

SHOWN = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    corpus = parser.parse_args().corpus
    root, layout = RAW / corpus, params.load().layout(corpus)

    reading = read(corpus, root, layout)
    for each in reading.unread[:SHOWN]:
        print(f"not read: {each['path']}: {each['reason']}", file=sys.stderr)
    if len(reading.unread) > SHOWN:
        print(f"not read: {len(reading.unread) - SHOWN} more", file=sys.stderr)
    table = with_digests(reading.table, root, workers=settings.load().worker_count())
    ceilings, oracle = planted_ceilings(root, table, layout)
    agreement = {kind or "raters": asdict(each) for kind, each in raters.ceilings(table).items()}

    artifact.UTTERANCES.write(table, corpus=corpus)
    artifact.Unread(files=reading.unread).write(corpus=corpus)
    with replacing(artifact.CEILINGS / corpus) as folder:
        folder.mkdir()
        artifact.Ceilings(**ceilings).write_file(folder / "ceilings.json")
        artifact.People(agreement=agreement).write_file(folder / "people.json")
        write_table(folder / "oracle.parquet", oracle)
    print(
        f"{corpus}: {len(table)} utterances of {table['speaker'].nunique()} speakers; {len(reading.unread)} not read"
    )


if __name__ == "__main__":
    run("utterances", main)
