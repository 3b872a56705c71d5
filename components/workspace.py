"""A workspace: the folder that states an experiment and holds its files."""

import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import yaml

from . import params, template
from .errors import WorkspaceError
from .files import write_text

FILES = {
    ".gitignore": "gitignore",
    ".dvcignore": "dvcignore",
    "params.yaml": "params.yaml",
    "pretrain/params.yaml": "pretraining_params.yaml",
}
"""Files of a workspace that are laid out as they are, and their templates."""
DVC_CONFIG = (
    '[core]\n    analytics = false\n    site_cache_dir = .emoflow/dvc\n[cache]\n    type = "reflink,copy"\n'
)


def require(root: str | Path = ".") -> None:
    """Check that a folder is a workspace; every command that needs one calls this first.

    Args:
        root: the folder, by default the one that the command runs in.

    Raises:
        WorkspaceError: where params.yaml is not in it.
    """
    if not (Path(root) / params.PATH).is_file():
        raise WorkspaceError(
            f"{Path(root).resolve()} is not a workspace: it has no {params.PATH}; run this command in a folder that "
            "has one, such as a clone of emoflow, or make one: emoflow init DIR"
        )


def create(root: Path, *, upgrade: bool = False) -> list[str]:
    """Lay out a workspace, with git and DVC in it; what is there stays as it is.

    Args:
        root: the folder; made where needed.
        upgrade: of a workspace that is there, bring ``code.yaml`` and the pipelines to the installed version.

    Returns:
        The files that were written.

    Raises:
        WorkspaceError: git is not installed, the folder is a clone of emoflow, or dvc.yaml there is not that of a
            workspace and would have to be overwritten.
    """
    if shutil.which("git") is None:
        raise WorkspaceError("git is not on PATH: install it; DVC and the lineage of models need it")
    if (root / "components" / "template").is_dir():
        raise WorkspaceError(f"{root.resolve()} is a clone of emoflow, which is a workspace already")
    wanted = {name: template.text(source) for name, source in FILES.items()}
    wanted |= {pipeline: template.dvc_yaml(pipeline) for pipeline in template.PIPELINES}
    wanted[template.CODE] = template.code_yaml(version("emoflow"))
    replaced = (*template.PIPELINES, template.CODE) if upgrade else ()
    there = {name: (root / name).read_text(encoding="utf-8") for name in wanted if (root / name).is_file()}
    if "dvc.yaml" in there and template.CODE not in there["dvc.yaml"]:
        raise WorkspaceError(
            f"{root / 'dvc.yaml'} is not of a workspace that emoflow init laid out: name an empty folder"
        )
    root.mkdir(parents=True, exist_ok=True)
    if _git(root, "rev-parse", "--is-inside-work-tree").returncode:
        _git(root, "init", "--quiet", check=True)
    written = [
        name for name in wanted if name not in there or (name in replaced and there[name] != wanted[name])
    ]
    for name in written:
        write_text(root / name, wanted[name])
    if not (root / ".dvc").is_dir():
        write_text(root / ".dvc" / "config", DVC_CONFIG)
        write_text(root / ".dvc" / ".gitignore", "/config.local\n/tmp\n/cache\n")
        written.append(".dvc/config")
    return written


def has_commit(root: str | Path = ".") -> bool:
    """Whether a folder is in a git repository with a commit, without which ``dvc exp run`` fails.

    Args:
        root: the workspace.
    """
    if shutil.which("git") is None:
        return False
    return _git(Path(root), "rev-parse", "--verify", "--quiet", "HEAD").returncode == 0


def require_code(stage: str, root: Path = Path()) -> None:
    """Check that the code that runs is the code that the workspace's dvc.yaml depends on.

    Args:
        stage: of a pipeline, whose code is compared.

    Raises:
        WorkspaceError: another version of emoflow is installed than code.yaml or the clone says.
    """
    code = root / template.CODE
    if code.is_file():
        stated = yaml.safe_load(code.read_text(encoding="utf-8"))
        if stated["stages"].get(stage) != template.code_digest(stage):
            raise WorkspaceError(
                f"{code} is of emoflow {stated['emoflow']}, and {version('emoflow')} with other code for the stage "
                f"{stage!r} is installed; to go on with the installed one: emoflow init --upgrade . (stages whose code "
                f"differs then run again), or install {stated['emoflow']}"
            )
        return
    sources = root / template.SOURCES
    if sources.is_dir() and template.code_digest(stage) != template.code_digest(stage, sources.resolve()):
        raise WorkspaceError(
            f"the emoflow that runs ({template.PACKAGE}) has other code for the stage {stage!r} than this clone: "
            "install this one (make install), or leave the other's virtual environment"
        )


def _git(root: Path, *arguments: str, check: bool = False) -> subprocess.CompletedProcess:
    return subprocess.run(["git", "-C", str(root), *arguments], check=check, capture_output=True)
