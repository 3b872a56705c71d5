"""The SHA-256 of every file of a model, and the files that differ from what a manifest states.

The text of this file is the first part of the entry of every packed model, which checks its own files before it
imports any of them: so it needs the standard library alone.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

MANIFEST = "artifacts/manifest.json"
"""Where a packed model keeps the manifest of what was packed."""

WRITTEN_BY_MLFLOW = frozenset({"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt"})
"""The files that MLflow adds to a package when it is logged."""

WRITTEN_BY_LOADING = "registered_model_meta"
"""A file that MLflow writes into a model whenever it downloads or loads it."""


def file_digests(folder: Path) -> dict[str, str]:
    """Digest every file of a model.

    What loading leaves behind (``registered_model_meta``, ``__pycache__``) is left out. A symbolic link has no digest
    of its own: it could point to other bytes by the time that it is read.

    Args:
        folder: the folder that holds ``MLmodel``.

    Returns:
        The SHA-256 of each file, 64 hexadecimal digits, by its path below ``folder``; ``link`` for a symbolic link.
    """
    digests = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if "__pycache__" in name.parts[:-1] or name.as_posix() == WRITTEN_BY_LOADING:
            continue
        if path.is_symlink():
            digests[name.as_posix()] = "link"
        elif path.is_file():
            with path.open("rb") as file:
                digests[name.as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def differences(found: Mapping[str, str], stated: Mapping[str, str]) -> list[str]:
    """Compare two manifests.

    Args:
        found: the digests of the files that are there.
        stated: the digests that they should have.

    Returns:
        One phrase for each file that is changed, missing or new, by path; empty where the two are equal.
    """
    problems = []
    for path in sorted(found.keys() | stated.keys()):
        if path not in found:
            problems.append(f"{path} is missing")
        elif path not in stated:
            problems.append(f"{path} was added")
        elif found[path] != stated[path]:
            problems.append(f"{path} was changed")
    return problems


def package_differences(folder: Path, stated: Mapping[str, str]) -> list[str]:
    """Compare a packed model with the manifest of what was packed.

    Args:
        folder: the folder that holds the package's ``entry.py``, with or without the files that MLflow adds.
        stated: the package's own manifest.

    Returns:
        As `differences`; the files that MLflow adds are not looked at.
    """
    left_out = WRITTEN_BY_MLFLOW | {MANIFEST}
    found = {path: digest for path, digest in file_digests(folder).items() if path not in left_out}
    return differences(found, stated)
