"""The stage ``corpora``: which corpora this experiment reads.

Writes data/corpora.json, and clears other corpora out of the folders that corpora share: the stages ``folds`` and
``search`` depend on these folders as a whole, since dvc.yaml cannot list as many deps as there are corpora. What
is cleared is some other experiment's stage output; DVC's cache has it, and brings it back with that experiment.
"""

import shutil
from pathlib import Path

from .. import params
from ..errors import CorpusError, run
from ..files import write_json
from ..schema import CORPORA

RAW = Path("data/raw")
SHARED = Path("data/utterances"), Path("data/ceilings"), Path("data/features"), Path("reports/validation")


def main() -> None:
    corpora = params.load().corpora
    for corpus in corpora:
        if not (RAW / corpus).is_dir():
            raise CorpusError(f"{RAW / corpus} is not there; have it by: {CORPORA[corpus].obtain}")
    for entry in strangers(corpora):
        print(f"cleared {entry}: this experiment does not read it, and DVC's cache keeps it")
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    write_json("data/corpora.json", {"corpora": list(corpora)})


def strangers(corpora: list[str]) -> list[Path]:
    """What the shared folders hold of other corpora: ``<corpus>/``, or ``<corpus>.<something>``.

    What starts with a dot (``.gitignore``, a file being written) belongs to no corpus.
    """
    return [
        entry
        for folder in SHARED
        if folder.is_dir()
        for entry in sorted(folder.iterdir())
        if not entry.name.startswith(".") and _corpus(entry) not in corpora
    ]


def _corpus(entry: Path) -> str:
    for suffix in (".unread.json", ".parquet"):
        if entry.name.endswith(suffix):
            return entry.name.removesuffix(suffix)
    return entry.name


if __name__ == "__main__":
    run(main)
