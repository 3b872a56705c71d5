"""`emoflow doctor`."""

import typer

from .shared import show

app = typer.Typer()


@app.command(epilog="Example: `emoflow doctor`")
def doctor() -> None:
    """Check the installation, this workspace, services and devices, and say how to fix what fails.

    It works in any folder. Exit status 1 says that a check failed.
    """
    from ..doctor import checks, table

    found = checks()
    show(table(found))
    if not all(check.ok for check in found):
        raise typer.Exit(1)
