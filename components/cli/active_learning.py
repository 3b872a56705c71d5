"""`emoflow active-learning`: whether it pays to label the clips that the model is least sure of."""

from pathlib import Path
from typing import Annotated

import typer

from .shared import environment, experiment_params, require_png, show_or_write

app = typer.Typer()


@app.command(
    "active-learning",
    epilog="Examples: `emoflow active-learning`; `emoflow active-learning --strategy audio --by entropy --ask 20 "
    "--rounds 8`; `emoflow active-learning --folds 1 --repeats 1 --json curves.json --figure curves.png`",
)
def active_learning(
    strategy: Annotated[
        str | None,
        typer.Option(help="one that was searched; the registered one where left out"),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="acquisition function: entropy (of the mean posterior) or bald (disagreement of the seeds); may be "
            "repeated; both where left out. random is always the control"
        ),
    ] = None,
    first: Annotated[
        int | None, typer.Option(min=1, help="clips labelled at first; two a class where left out")
    ] = None,
    ask: Annotated[
        int | None, typer.Option(min=1, help="clips asked for a round; two a class where left out")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="how often is asked")] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="starts that are drawn for each fold")] = 3,
    folds: Annotated[
        int | None, typer.Option(min=1, help="only so many test folds, from the first on; all where left out")
    ] = None,
    json: Annotated[str | None, typer.Option(help="a JSON file for the curves; - for stdout")] = None,
    csv: Annotated[Path | None, typer.Option(help="a CSV file for every prediction, a row each")] = None,
    figure: Annotated[Path | None, typer.Option(help="a PNG file for the picture")] = None,
) -> None:
    """Simulate an annotator who is asked for the clips that the model is least sure of, as learning curves.

    From a few labelled clips of each fold's training speakers on, the strategy is trained, scores the test fold, asks
    for the clips that it wants labelled next, and is trained again with their labels. Test speakers are never asked
    for. Works on the experiment of the last `dvc repro`. After Ctrl-C the same command goes on.
    """
    from ..evaluation.active_learning import figure as picture
    from ..evaluation.active_learning.acquisition import FUNCTIONS
    from ..evaluation.active_learning.curves import learning_curves, tidy
    from ..evaluation.active_learning.plan import Budget, plan
    from ..evaluation.active_learning.run import run
    from ..evaluation.active_learning.table import rendered
    from ..files import csv_text, write_text
    from .active_learning_inputs import Searched

    experiment = experiment_params()
    require_png(figure)
    settings = environment()
    found = Searched.read(experiment, settings, strategy=strategy)
    several = 2 * len(found.protocol.classes)
    simulations = plan(
        found.folds[:folds],
        found.choices,
        found.speakers,
        classes=len(found.protocol.classes),
        seeds=found.seeds,
        functions=by or list(FUNCTIONS),
        budget=Budget(first or several, ask or several, rounds),
        repeats=repeats,
    )
    workers = 1 if found.context.device == "cuda" else settings.worker_count()
    answers = run(simulations, found.context, found.work(simulations[0].budget), workers=workers)
    table = tidy(simulations, answers, found.speakers, classes=found.protocol.classes)
    curves = learning_curves(table, simulations, protocol=found.protocol)
    if csv is not None:
        write_text(csv, csv_text(table))
    if figure is not None:
        picture.write(figure, curves)
    show_or_write(curves, json, rendered)
