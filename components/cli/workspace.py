"""`emoflow init` and `emoflow ui`: a workspace, and the servers to look at it."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command(epilog="Examples: `emoflow init ~/emotions`; `emoflow init --upgrade .`")
def init(
    folder: Annotated[Path, typer.Argument(help="the workspace; made where needed")] = Path(),
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="bring code.yaml and dvc.yaml to the installed version")
    ] = False,
) -> None:
    """Lay out a workspace: params.yaml, dvc.yaml, git and DVC. Files that are there stay as they are."""
    from .. import workspace

    written = workspace.create(folder, upgrade=upgrade)
    print(f"{folder.resolve()}: {', '.join(written) + ' written' if written else 'nothing to do'}")
    go = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    print(f"next: {go}git add . && git commit -m start && emoflow corpora synthesise control && dvc repro")


@app.command(epilog="Example: `emoflow ui`")
def ui() -> None:
    """Start Prefect, MLflow and a worker on this machine (127.0.0.1); Ctrl-C ends all three."""
    import os
    import sys

    from .shared import require_workspace

    require_workspace()
    os.execv(sys.executable, [sys.executable, "-m", "emoflow.flows.ui"])  # noqa: S606
