"""What stands beside features that differ by test fold: whose folds these are, and whom each fold's model heard.

A YAML file that is called by the features' own name: ``posteriors.folds.yaml`` beside ``posteriors.csv`` or
``posteriors/``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import CorpusError
from ...files import parse_yaml

if TYPE_CHECKING:
    from ...artifacts.fold_features import FoldFeatures

FOLD = "fold"
"""The column of a table that says which fold's model a row comes from."""
SUFFIX = ".folds.yaml"
"""What the declaration's name ends with, after the features' name without its own suffix."""
SAMPLE = """\
protocol: ravdess8.luna5  # its id, as data/folds.json has it
kind: posteriors          # or features, then without classes
classes: [neutral, calm, happiness, sadness, anger, fear, disgust, surprise]  # as in data/folds.json
folds:
  0: {training_speakers: ['08', '17', '21']}  # whom the model of this fold was trained on
  1: {training_speakers: ['01', '04', '09']}"""


def declaration_of(path: Path) -> Path | None:
    """The declaration beside a file or folder of features; None where there is none.

    Args:
        path: of the features.
    """
    file = _place(path)
    return file if file.is_file() else None


def undeclared(path: Path) -> CorpusError:
    """The error that features have a fold, and nothing says what it means.

    Args:
        path: of the features.
    """
    return CorpusError(
        f"{path} has a column {FOLD!r}, and no declaration stands beside it: write {_place(path)} (or, if the column "
        f"is none of test folds, leave it out), for example:\n{SAMPLE}"
    )


def read_declaration(path: Path) -> FoldFeatures:
    """Read a declaration.

    Args:
        path: as `declaration_of` found it.

    Returns:
        What it says.

    Raises:
        CorpusError: it is not YAML, or does not say what it has to.
    """
    from pydantic import ValidationError

    from ...artifacts.fold_features import FoldFeatures

    try:
        stated = parse_yaml(path.read_text(encoding="utf-8"))
        folds = stated.pop("folds")
        found = FoldFeatures.model_validate(
            stated | {"training_speakers": {fold: each["training_speakers"] for fold, each in folds.items()}}
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise _wrong(path, f"{field}: {first['msg']}") from None
    except KeyError as error:
        raise _wrong(path, f"it lacks {error}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise _wrong(path, str(error)) from None
    if not found.training_speakers:
        raise _wrong(path, "it names no fold")
    if (found.kind == "posteriors") != bool(found.classes):
        raise _wrong(path, f"kind {found.kind} is stated with classes {json.dumps(found.classes)}")
    if len(set(found.classes)) < len(found.classes):
        raise _wrong(path, f"classes names one twice: {json.dumps(found.classes)}")
    return found


def _place(path: Path) -> Path:
    return path.with_name((path.name if path.is_dir() else path.stem) + SUFFIX)


def _wrong(path: Path, why: str) -> CorpusError:
    return CorpusError(
        f"{path} does not declare features of test folds ({why}); it has to look like this:\n{SAMPLE}"
    )
