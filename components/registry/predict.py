"""Predict with a registered model, as any application would, once its files are verified."""

import atexit
import glob
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RegistryError
from ..lineage import Store
from ..lineage.reference import ModelReference
from ..schema import file_of
from .download import fetch_verified, logger
from .pins import other_versions
from .tracking import tracking, version_named

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.pyfunc import PyFuncModel

AUDIO = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aiff", ".aif"})
VIDEO = frozenset({".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".flv"})
SYNTHETIC = "control"


@dataclass(frozen=True)
class Recordings:
    """The recordings to predict, and the files that were left out, each with the reason."""

    files: list[Path]
    skipped: dict[Path, str]


def find(given: Sequence[str | Path]) -> Recordings:
    """Find the recordings that paths name.

    Args:
        given: files, or a part of one in seconds (``interview.wav#t=12.5,16``); folders, which are searched with all
            below them; glob patterns (``**`` for any depth).

    Returns:
        The recordings, each once, in the order given, those of a folder or a pattern by name; and what a folder or a
        pattern holds that is no recording.

    Raises:
        RegistryError: for a path that is not there, a file named by itself that is no recording, and a folder or a
            pattern without a recording.
    """
    files: dict[Path, None] = {}
    skipped: dict[Path, str] = {}
    for each in given:
        path = Path(each)
        if path.is_file() or Path(file_of(str(path))).is_file():
            if problem := _problem(Path(file_of(str(path)))):
                raise RegistryError(f"{path} is not a recording: {problem}")
            files[path] = None
            continue
        if path.is_dir():
            candidates = [file for file in path.rglob("*") if not _hidden(file.relative_to(path))]
        elif glob.has_magic(str(each)):
            candidates = [Path(match) for match in glob.glob(str(each), recursive=True)]  # noqa: PTH207
        else:
            raise RegistryError(f"{path} does not exist")
        candidates = sorted(file for file in candidates if file.is_file())
        problems = {file: problem for file in candidates if (problem := _problem(file))}
        if len(problems) == len(candidates):
            raise RegistryError(f"{each} holds no recording; known endings: {_endings()}")
        skipped |= problems
        files |= dict.fromkeys(file for file in candidates if file not in problems)
    return Recordings(list(files), skipped)


def predict(
    reference: ModelReference,
    files: Sequence[Path] = (),
    *,
    text: str | None = None,
    root: str | Path,
    tracking_uri: str,
    lineage_uri: str,
    progress: Callable[[Iterable[int], int], Iterable[int]] = lambda numbers, total: numbers,
) -> "pd.DataFrame":
    """Predict each file (audio or video, by its ending), or the text alone.

    Args:
        reference: the model; its champion where no version is named.
        files: recordings, as `find` returns them.
        text: what is said; in every file, where there are several.
        root: the project's root.
        tracking_uri: MLflow's tracking and registry URI.
        lineage_uri: the lineage database, which knows what the model's files should be.
        progress: wraps the row numbers and their count while the rows are predicted.

    Returns:
        The table of ``inference.Predictor.table`` with the columns ``file`` and ``model`` (``models:/NAME/VERSION``)
        before, and ``trained_on`` (the corpora) behind.

    Raises:
        RegistryError: for a model that cannot be loaded or is not as it was published, or where neither a file nor a
            text is given.
    """
    import pandas as pd

    if not files and not text:
        raise RegistryError("nothing to predict: give a recording, or --text 'what was said'")
    media = media_table(files, text)
    with tracking(tracking_uri, root=Path(root)) as client:
        entry = version_named(client, reference)
        model = loaded(entry, root=Path(root), lineage_uri=lineage_uri)
        found = pd.concat(
            [model.predict(media.iloc[[number]]) for number in progress(range(len(media)), len(media))]
        )
    found.insert(0, "file", list(map(str, files)) or [None])
    found.insert(1, "model", f"models:/{entry.name}/{entry.version}")
    found["trained_on"] = trained_on(entry.tags.get("corpora", ""))
    return found


def media_table(files: Sequence[Path], text: str | None) -> "pd.DataFrame":
    """What a model is given: a row per file, with ``audio``, ``video`` and ``text``; the text alone without files."""
    import pandas as pd

    rows = [_row(file, text) for file in files] or [{"audio": None, "video": None, "text": text}]
    return pd.DataFrame(rows, dtype=object)


def load(reference: ModelReference, *, root: Path, tracking_uri: str, lineage_uri: str) -> "PyFuncModel":
    """Load a registered model once its files are verified.

    Args:
        reference: the model; its champion where no version is named.
        root: the project's root.
        tracking_uri: MLflow's tracking and registry URI.
        lineage_uri: the lineage database, which knows what the model's files should be.

    Returns:
        The model.

    Raises:
        RegistryError: there is no such version, or it is not as it was published.
    """
    with tracking(tracking_uri, root=root) as client:
        return loaded(version_named(client, reference), root=root, lineage_uri=lineage_uri)


def loaded(entry: "ModelVersion", *, root: Path, lineage_uri: str) -> "PyFuncModel":
    """Load a version once its files are verified; MLflow is reached by `tracking`.

    Args:
        entry: the version.
        root: the project's root.
        lineage_uri: the lineage database, which knows what the model's files should be.

    Raises:
        RegistryError: it is not as it was published.
    """
    import mlflow

    # Some of its code is imported when it is first needed, so the files stay as long as the process.
    folder = tempfile.mkdtemp(prefix="emoflow-model-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with Store(lineage_uri, root=root) as store:
        downloaded = fetch_verified(entry, Path(folder), store=store, must_be_recorded=False)
        if others := other_versions(downloaded / "requirements.txt"):
            logger.warning(
                "models:/%s/%s was published with %s: its probabilities may differ from those it was judged by",
                entry.name,
                entry.version,
                ", ".join(others),
            )
        # MLflow's warnings compare every installed distribution with the model's pins, which takes seconds
        return mlflow.pyfunc.load_model(str(downloaded), suppress_warnings=True)


def trained_on(corpora: str) -> str:
    """Say what a model was trained on.

    Args:
        corpora: the tag of its version, as ``control+ravdess``.

    Returns:
        The corpora in words.
    """
    names = [name for name in corpora.split("+") if name]
    in_words = [
        "the synthetic control corpus (no real speech)" if name == SYNTHETIC else name for name in names
    ]
    return " and ".join(in_words) or "corpora that its version does not name"


def is_film(path: Path) -> bool:
    """Whether a path names a film, or a part of one, by its ending."""
    return Path(file_of(str(path))).suffix.lower() in VIDEO


def _problem(path: Path) -> str | None:
    """Why a file is no recording, by its ending and size; None if it may be one."""
    if path.suffix.lower() not in AUDIO | VIDEO:
        return f"the ending {path.suffix!r} is neither audio nor video; known: {_endings()}"
    return "it is empty (0 bytes)" if not path.stat().st_size else None


def _endings() -> str:
    return " ".join(sorted(AUDIO | VIDEO))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _row(path: Path, text: str | None) -> dict[str, str | None]:
    given, video = str(path.resolve()), is_film(path)
    return {
        "audio": None if video else given,
        "video": given if video else None,
        "text": text,
    }
