"""What the stage reads of the stages before it: a file that is not there is named, and how to make it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EvaluationError
from ..files import read_json

if TYPE_CHECKING:
    import pandas as pd


def document(path: Path) -> Any:
    """A JSON document.

    Raises:
        EvaluationError: where there is none.
    """
    _must_be(path)
    return read_json(path)


def table(path: Path) -> "pd.DataFrame":
    """A Parquet table.

    Raises:
        EvaluationError: where there is none.
    """
    import pandas as pd

    _must_be(path)
    return pd.read_parquet(path)


def _must_be(path: Path) -> None:
    if not path.is_file():
        raise EvaluationError(f"{path} is not here; make it: dvc repro evaluate")
