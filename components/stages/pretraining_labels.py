"""The stage ``labels`` of ``pretrain/dvc.yaml``: who speaks in a corpus's recordings, what they say, and how."""

from __future__ import annotations

import argparse

from .. import params
from ..artifacts import pretraining as artifact
from ..artifacts.corpora import RAW
from ..corpora import read
from ..schema import UNSTATED
from .entry import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    corpus = parser.parse_args().corpus
    layout = params.load().layout(corpus) if params.PATH.is_file() else UNSTATED
    table = read(corpus, RAW / corpus, layout).table
    artifact.LABELS.write(table[list(artifact.LABELS.columns)], corpus=corpus)


if __name__ == "__main__":
    run("labels", main)
