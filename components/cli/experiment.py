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
    from ..artifacts.reports import METRICS, REPORT
    from ..evaluation.summary import table
    from ..files import read_json
    from ..lineage import Store

    require_workspace()
    if not METRICS.is_file():
        raise errors.EmoflowError(
            f"{METRICS} does not exist: the experiment is not finished; run `dvc repro`"
        )
    metrics = read_json(METRICS)
    if "intervals" not in metrics:
        raise errors.EmoflowError(f"{METRICS} was written by another version of emoflow; run `dvc repro`")
    if not Folds.path().is_file() or Folds.read().protocol != metrics["protocol"]:
        raise errors.EmoflowError(
            f"{METRICS} is of an earlier experiment, {metrics['protocol']}, and the one that params.yaml states is "
            "not finished; run `dvc repro`"
        )
    name = default_model()
    with Store(environment().lineage_uri, root=Path()) as store:
        champion = store.holder(name)
    said = "none yet: emoflow publish, emoflow promote" if champion is None else f"models:/{name}@champion"
    show(table(metrics))
    print(
        f"\nreport     {REPORT}"
        f"\nchampion   {said}   (emoflow predict CLIP; emoflow lineage)"
        f"\nthe UIs    make ui   (Prefect: schedules and runs; MLflow: trials and models)"
    )
