"""`emoflow strategies` and `emoflow hyperparameters`: what a search may choose from."""

import typer

from .shared import show

app = typer.Typer()


@app.command(epilog="Example: `emoflow strategies`")
def strategies() -> None:
    """The fusion strategies that `search.strategies` may name: source, parameters, cost."""
    from ..fusion import listing

    show(listing.table())


@app.command(epilog="Example: `emoflow hyperparameters`")
def hyperparameters() -> None:
    """What training may vary beside the architecture, to fix or search by `search.space`: range, meaning, source."""
    from ..training import listing

    show(listing.table())
