"""`emoflow assets …`."""

from typing import Annotated

import typer

app = typer.Typer(help="Pinned downloads that some encoders need.", no_args_is_help=True)


@app.command("add", epilog="Example: `emoflow assets add face-landmarker ~/face_landmarker.task`")
def assets_add(
    name: Annotated[str, typer.Argument(help="face-landmarker")],
    source: Annotated[str, typer.Argument(help="a file, or an https address")],
) -> None:
    """Check a pinned file against its digest and put it where the encoders look for it."""
    from ..settings import load
    from ..storage.install import install

    print(install(name, source, load().landmark_model))
