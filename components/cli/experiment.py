"""`emoflow results`: the finished experiment."""

from pathlib import Path

import typer

from .. import errors
from .shared import default_model, environment, require_workspace, show

app = typer.Typer()


@app.command(epilog="Example: `emoflow results`")
def results() -> None:
    """The finished experiment's table, its champion, and where to look further."""
    from ..evaluation.summary import table
    from ..files import read_json

    require_workspace()
    path = Path("reports/metrics.json")
    if not path.is_file():
        raise errors.EmoflowError(f"{path} is not here: the experiment is not finished; run `dvc repro`")
    metrics, folds = read_json(path), Path("data/folds.json")
    if not folds.is_file() or read_json(folds)["protocol"] != metrics["protocol"]:
        raise errors.EmoflowError(
            f"{path} is of an earlier experiment, {metrics['protocol']}, and the one that params.yaml states is not "
            "finished; run `dvc repro`"
        )
    if "search" not in metrics:
        raise errors.EmoflowError(f"{path} was written by an earlier emoflow; run `dvc repro`")
    from ..lineage import Store

    name = default_model()
    champion = Store(environment().lineage_uri, root=Path()).holder(name)
    said = "nobody yet: emoflow publish, emoflow promote" if champion is None else f"models:/{name}@champion"
    show(table(metrics))
    print(
        f"\nreport     reports/index.html"
        f"\nchampion   {said}   (emoflow predict CLIP; emoflow lineage)"
        f"\nthe UIs    make ui   (Prefect: schedules and runs; MLflow: trials and models)"
    )
