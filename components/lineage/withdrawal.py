"""What is left to do once a speaker withdrew consent: plain steps, each with its commands. Nothing is run here."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..artifacts.corpora import RAW
from ..errors import listed
from ..files import WORK
from ..schema import file_of
from .speakers import Heard

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Files:
    """A speaker's recordings, as paths below the corpus's folder.

    Attributes:
        alone: files with nobody else in them; a folder in place of its files where all its recordings are of the
            speaker.
        shared: files in which other speakers are heard or seen, too.
    """

    alone: list[str]
    shared: list[str]


@dataclass(frozen=True)
class Step:
    """One thing to do.

    Attributes:
        what: it, in words.
        lines: its commands, or the files that it is about.
    """

    what: str
    lines: list[str]


def files_of(table: "pd.DataFrame", speaker: str) -> Files:
    """Find a speaker's recordings.

    Args:
        table: the corpus's utterance table; its columns ``speaker``, ``audio`` and ``video`` are read.
        speaker: ``<corpus>/<id>``.

    Returns:
        Them, each sorted.
    """
    theirs = table["speaker"] == speaker
    mine, others = _files(table[theirs]), _files(table[~theirs])
    taken = {str(parent) for path in others for parent in PurePosixPath(path).parents}
    alone = set()
    for path in mine - others:
        free = [str(parent) for parent in PurePosixPath(path).parents if str(parent) != "."]
        alone.add(next((folder for folder in reversed(free) if folder not in taken), path))
    return Files(sorted(alone), sorted(mine & others))


def plan(
    speaker: str, *, files: Files | None, heard: Sequence[Heard], cache: Path, tracking_uri: str
) -> list[Step]:
    """List what is left to do, in the order in which to do it.

    Args:
        speaker: ``<corpus>/<id>``.
        files: the speaker's recordings; None where the workspace has no utterance table of the corpus.
        heard: the registered versions that heard the speaker.
        cache: the folder of the feature cache.
        tracking_uri: MLflow's tracking URI, without a password.

    Returns:
        The steps.
    """
    folder = RAW / speaker.partition("/")[0]
    learned = [version for version in heard if version.learned]
    champions = [f"{version.name}/{version.version}" for version in learned if version.champion]
    until = f"; until then {listed(champions)} stays champion" if champions else ""
    again = ["dvc repro"] + (["emoflow publish", "emoflow promote"] if learned else [])
    steps = [
        *_out_of(folder, files),
        Step(
            "let DVC track the corpus without them",
            [f"dvc add {_quoted(folder)}", f"git commit -m 'Take out a speaker' {_quoted(f'{folder}.dvc')}"],
        ),
        Step(f"train without the speaker{until}", again),
        Step(
            "remove what only other commits use from DVC's cache (and, with --cloud, from its remote): the speaker's "
            "files, and all other data of earlier commits and experiments",
            ["dvc gc --workspace", "dvc gc --workspace --cloud"],
        ),
        Step(
            "remove the feature cache, whose entries bear no names, and unfinished work; stages make again what they "
            "need",
            [f"rm -rf {_quoted(cache)} {_quoted(WORK / 'work')}"],
        ),
    ]
    if learned:
        steps.append(
            Step(
                "delete the versions that learned from the speaker, with their runs, from MLflow; `mlflow gc` removes "
                "for good all that is marked as deleted there, and takes the server's database",
                [
                    f"export MLFLOW_TRACKING_URI={_quoted(tracking_uri)}",
                    *map(_deletion, learned),
                    'mlflow gc --backend-store-uri "$MLFLOW_TRACKING_URI"',
                ],
            )
        )
    return steps


def _out_of(folder: Path, files: Files | None) -> list[Step]:
    """How to take the recordings out of the corpus's folder."""
    rest = "and what else the corpus holds of the speaker: transcripts, rows of tables, features"
    if files is None:
        return [Step(f"take the speaker's recordings out of {folder}, {rest}", [])]
    if not files.alone and not files.shared:
        what = (
            f"the corpus's utterance table names no recording of the speaker: take out of {folder} {rest[4:]}"
        )
        return [Step(what, [])]
    steps = []
    if files.alone:
        paths = " ".join(_quoted(folder / path) for path in files.alone)
        steps.append(Step(f"take the speaker's recordings out of {folder}, {rest}", [f"rm -r {paths}"]))
    if files.shared:
        what = "cut the speaker out of the recordings that others are in, too, or remove those with all their rows"
        steps.append(Step(what, [str(folder / path) for path in files.shared]))
    return steps


def _files(rows: "pd.DataFrame") -> set[str]:
    return {file_of(path) for column in ("audio", "video") for path in rows[column].dropna()}


def _deletion(version: Heard) -> str:
    code = (
        f"import mlflow; c = mlflow.MlflowClient(); v = c.get_model_version('{version.name}', '{version.version}'); "
        "c.delete_logged_model(v.source.removeprefix('models:/')); c.delete_model_version(v.name, v.version); "
        "c.delete_run(v.run_id)"
    )
    return f'python -c "{code}"'


def _quoted(path: object) -> str:
    return shlex.quote(str(path))
