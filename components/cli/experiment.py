"""`emoflow results`: the finished experiment."""

from pathlib import Path

import typer

from .. import errors
from .shared import default_model, environment, require_workspace, show

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
