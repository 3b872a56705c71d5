"""The versions that a model was published with against those installed here: cheap, and only where they matter."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CARRIERS = frozenset({"mlflow", "pandas", "pyarrow", "pydantic", "safetensors"})
"""Packages of a model's requirements that hold data and compute nothing: their versions do not change a probability."""


def other_versions(requirements: Path) -> list[str]:
    """Compare the pins of packages that compute with what is installed.

    MLflow's own comparison looks at every installed distribution, which takes seconds.

    Args:
        requirements: the ``requirements.txt`` of a model, a ``NAME==VERSION`` a line.

    Returns:
        ``NAME VERSION (here OTHER)`` for each that differs, in the order of the file; a local version label such as
        ``+cpu`` is no difference.
    """
    found = []
    for line in requirements.read_text(encoding="utf-8").splitlines():
        name, _, pinned = line.strip().partition("==")
        if not pinned or name in CARRIERS:
            continue
        try:
            installed = version(name).partition("+")[0]
        except PackageNotFoundError:
            installed = "not installed"
        if installed != pinned:
            found.append(f"{name} {pinned} (here {installed})")
    return found
