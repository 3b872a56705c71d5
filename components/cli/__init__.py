"""``emoflow …``: thin commands over the rooms, which are imported only when a command needs them."""

import gc
from typing import Annotated

import typer

from .. import errors
from . import (
    active_learning,
    assets,
    corpora,
    doctor,
    encoders,
    experiment,
    explain,
    listings,
    measure,
    pretrain,
    probe,
    registry,
    transfer,
    withdraw,
    workspace,
)

GARBAGE_THRESHOLD = 50_000
"""Objects made before Python looks for garbage among them, instead of its 700."""

app = typer.Typer(
    help="From raw clips to a promoted emotion model, with its lineage. The experiment itself is `dvc repro`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.add_typer(corpora.app, name="corpora")
app.add_typer(encoders.app, name="encoders")
app.add_typer(assets.app, name="assets")
for _group in (
    workspace,
    listings,
    registry,
    withdraw,
    measure,
    explain,
    experiment,
    transfer,
    active_learning,
    probe,
    pretrain,
    doctor,
):
    app.add_typer(_group.app)


def _print_version(asked: bool) -> None:
    if asked:
        import importlib.metadata

        print(f"emoflow {importlib.metadata.version('emoflow')}")
        raise typer.Exit()


@app.callback()
def emoflow(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it and exit.")
    ] = False,
) -> None:
    # no docstring: the help of the program is `app`'s
    pass


def main() -> None:
    """The console script: a user's error is one line on stderr and its exit status; Ctrl-C is 130."""
    # A short command spends its time on imports, whose objects stay; looking for garbage among them that often takes
    # a sixth of MLflow's start.
    gc.set_threshold(GARBAGE_THRESHOLD)
    errors.run(lambda: app(prog_name="emoflow"))
