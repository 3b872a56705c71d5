"""A workspace: the folder that states an experiment and holds its files."""

from pathlib import Path

from . import params
from .errors import WorkspaceError


def require(root: str | Path = ".") -> None:
    """Check that a folder is a workspace; every command that needs one calls this first.

    Args:
        root: the folder, by default the one that the command runs in.

    Raises:
        WorkspaceError: where params.yaml is not in it.
    """
    if not (Path(root) / params.PATH).is_file():
        raise WorkspaceError(
            f"{Path(root).resolve()} is not a workspace: it has no {params.PATH}; run this command in the folder that "
            f"has {params.PATH} and dvc.yaml, such as a clone of emoflow"
        )
