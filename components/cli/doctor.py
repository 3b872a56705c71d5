"""`emoflow doctor`."""

import typer

from .shared import show

app = typer.Typer()


@app.command(epilog="Example: `emoflow doctor`")
def doctor() -> None:
    """Check versions, disk, services and devices, and say how to mend what is amiss. Exit status 1 if anything is."""
    from ..doctor import checks, table

    found = checks()
    show(table(found))
    if not all(check.ok for check in found):
        raise typer.Exit(1)
