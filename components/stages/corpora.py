"""The stage ``corpora``: which corpora this experiment reads.

Names in params.yaml that a later stage would refuse are refused here, before anything is read.

It also clears other corpora out of the folders that corpora share: the stages ``folds`` and ``search`` depend on these
folders as a whole, since dvc.yaml cannot list as many deps as there are corpora. What is cleared are stage outputs of
another experiment; DVC's cache has them, and brings them back with that experiment.
"""

import json
import os
import shutil
from pathlib import Path

from .. import params, settings
from ..artifacts import features, utterances, validation
from ..artifacts.corpora import RAW, Corpora
from ..corpora import obtain
from ..encoders import ModelFiles
from ..errors import CorpusError, listed
from .entry import run
from .stated_names import check_names

LOCKS = Path(".dvc/tmp/rwlock")
SHARED = (
    utterances.FOLDER,
    utterances.CEILINGS,
    features.FOLDER,
    validation.FOLDER,
    validation.DATA_DOCS,
)


def main() -> None:
    experiment = params.load()
    corpora = experiment.corpora
    for corpus in corpora:
        if not (RAW / corpus).is_dir():
            raise CorpusError(f"{RAW / corpus} does not exist; to get it: {obtain(corpus, RAW)}")
    environment = settings.load()
    check_names(experiment, ModelFiles(environment.landmark_model, environment.encoders))
    cleared = strangers(corpora)
    if cleared and (busy := sorted(in_use())):
        raise CorpusError(
            f"another run (process {listed(busy)}) works with {listed(map(str, SHARED))}, which this experiment would "
            "clear: wait for it, or work in a clone of its own"
        )
    for entry in cleared:
        print(f"cleared {entry}: this experiment does not read it, and DVC's cache keeps it")
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    Corpora(corpora=list(corpora)).write()


def in_use() -> set[int]:
    """Processes of other DVC runs that read or write the shared folders, by DVC's own record of locks."""
    import psutil

    if not LOCKS.is_file():
        return set()
    ours = {os.getpid(), *(each.pid for each in psutil.Process().parents())}
    locks = json.loads(LOCKS.read_text() or "{}")
    holders = [(path, each) for path, readers in locks.get("read", {}).items() for each in readers]
    holders += locks.get("write", {}).items()
    pids = {
        holder["pid"]
        for path, holder in holders
        if any(Path(path).is_relative_to(folder.resolve()) for folder in SHARED)
    }
    return {pid for pid in pids - ours if psutil.pid_exists(pid)}


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
    run("corpora", main)
