"""Predict with a registered model, as any application would: MLflow and a URI."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RegistryError
from .tracking import alias_of, tracking

if TYPE_CHECKING:
    import pandas as pd

AUDIO = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aiff", ".aif"})
VIDEO = frozenset({".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".flv"})


def predict(
    uri: str,
    files: Sequence[str | Path] = (),
    *,
    text: str | None = None,
    root: str | Path,
    tracking_uri: str,
) -> "pd.DataFrame":
    """The model's answer for each file (by its ending audio or video), or for the text alone.

    Args:
        uri: ``models:/NAME@champion`` or ``models:/NAME/VERSION``.
        text: what is said; in every file, where there are several.

    Returns:
        the table of ``inference.Predictor.table``, with a first column ``file``.

    Raises:
        RegistryError: for a model that cannot be loaded, a file that is not there or is of neither kind.
    """
    import pandas as pd

    rows = [_row(Path(file), text) for file in files] or [
        {"file": None, "audio": None, "video": None, "text": text}
    ]
    if not files and not text:
        raise RegistryError("nothing to predict: give a recording, or --text 'what was said'")
    frame = pd.DataFrame(rows, dtype=object)
    name, at, alias = uri.removeprefix("models:/").partition("@")
    with tracking(tracking_uri, root=Path(root)) as client:
        import mlflow

        if at and alias_of(client, name, alias) is None:
            raise RegistryError(
                f"no version of {name} is {alias}; `emoflow models` lists what there is, `emoflow promote` makes one"
            )
        model = mlflow.pyfunc.load_model(uri)
        found = model.predict(frame[["audio", "video", "text"]])
    found.insert(0, "file", frame["file"].to_numpy())
    return found


def _row(path: Path, text: str | None) -> dict[str, str | None]:
    if not path.is_file():
        raise RegistryError(f"{path} is not there")
    ending = path.suffix.lower()
    if ending not in AUDIO | VIDEO:
        raise RegistryError(
            f"{path}: {ending or 'no ending'} says neither sound nor video; known: {' '.join(sorted(AUDIO | VIDEO))}"
        )
    given = str(path.resolve())
    return {
        "file": str(path),
        "audio": given if ending in AUDIO else None,
        "video": given if ending in VIDEO else None,
        "text": text,
    }
