"""`emoflow results` and `emoflow compare`: the finished experiment, and how it compares with another."""

from pathlib import Path
from typing import Annotated

import typer

from .. import errors
from .shared import (
    default_model,
    environment,
    no_registry_yet,
    places,
    require_png,
    require_workspace,
    show,
    show_or_write,
    spinner,
)

app = typer.Typer()


@app.command(epilog="Example: `emoflow results`")
def results() -> None:
    """The finished experiment's table, its champion, and where to look further."""
    from ..artifacts.folds import Folds
    from ..artifacts.reports import REPORT, Metrics
    from ..evaluation.summary import table
    from ..lineage import Store

    require_workspace()
    metrics = Metrics.read()
    if not Folds.path().is_file() or Folds.read().protocol != metrics.protocol:
        raise errors.EmoflowError(
            f"{Metrics.path()} is of an earlier experiment, {metrics.protocol}, and the one that params.yaml states is "
            "not finished; run `dvc repro`"
        )
    name = default_model()
    with Store(environment().lineage_uri, root=Path()) as store:
        champion = store.holder(name)
    named = "none yet: emoflow publish, emoflow promote" if champion is None else f"models:/{name}@champion"
    show(table(metrics))
    print(
        f"\nreport     {REPORT}"
        f"\nchampion   {named}   (emoflow predict CLIP; emoflow lineage)"
        f"\nthe UIs    emoflow ui   (Prefect: schedules and runs; MLflow: trials and models)"
    )


@app.command(
    epilog="Examples: `emoflow compare main`; `emoflow compare baseline whisper --figure compare.png`; "
    "`emoflow compare emotion-emotion7@champion . --json -`"
)
def compare(
    a: Annotated[
        str,
        typer.Argument(
            help="a branch, tag or commit; the name of a `dvc exp`; models:/NAME/VERSION or NAME@champion; the id of "
            "an MLflow run; . for this workspace"
        ),
    ],
    b: Annotated[
        str, typer.Argument(help="named likewise; this workspace as it stands where left out")
    ] = ".",
    strategy: Annotated[
        str | None,
        typer.Option(help="compare this one in both, instead of the nested choices and the registered ones"),
    ] = None,
    common: Annotated[
        bool,
        typer.Option("--common", help="where the folds differ, compare on the utterances that both test"),
    ] = False,
    json: Annotated[str | None, typer.Option(help="a JSON file for all that was found; - for stdout")] = None,
    figure: Annotated[Path | None, typer.Option(help="a PNG file for the picture")] = None,
) -> None:
    """Compare two experiments of one protocol: paired by utterance, with intervals and tests over speakers.

    Differences are B minus A: positive where B is better.
    """
    from ..evaluation.pairwise import figure as picture
    from ..evaluation.pairwise.statistics import compare
    from ..evaluation.pairwise.table import rendered
    from ..experiments import read

    require_workspace()
    require_png(figure)
    where = places(lineage=False)
    if no_registry_yet(where["tracking_uri"]):
        where["tracking_uri"] = None
    with spinner("reading both experiments"):
        found = compare(read(a, **where), read(b, **where), strategy=strategy, common=common)
    if figure is not None:
        picture.write(figure, found)
    show_or_write(found, json, rendered)
