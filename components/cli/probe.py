"""`emoflow probe`: what the stored features hold."""

from pathlib import Path
from typing import Annotated

import typer

from .shared import experiment_params, require_png, show_or_write

app = typer.Typer()


@app.command(
    epilog="Examples: `emoflow probe`; `emoflow probe --target emotion --target speaker --figure probe.png`; "
    "`emoflow probe --seed 1 --json -`"
)
def probe(
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="emotion, speaker, gender, language, corpus, words, duration or loudness; may be repeated; all where "
            "left out. duration and loudness decode the recordings"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="of splits, control tasks and components")] = 0,
    json: Annotated[str | None, typer.Option(help="a JSON file for all that was found; - for stdout")] = None,
    figure: Annotated[Path | None, typer.Option(help="a PNG file for the picture")] = None,
) -> None:
    """Say by linear probes what each encoder's features, layer by layer, tell of emotion, speaker and more.

    After the stage train the layers of the registered fusion strategy are probed, too, by the models that scored the
    test folds.

    A figure is of held-out utterances. Beside it stands the selectivity: how far it is above that of a control task,
    in which the same probe learns values that were dealt out at random.
    """
    from ..evaluation.probing import figure as picture
    from ..evaluation.probing.inputs import Inputs
    from ..evaluation.probing.run import probing
    from ..evaluation.probing.table import tables

    corpora = experiment_params().corpora
    require_png(figure)
    found = probing(Inputs.read(corpora), targets=target, seed=seed)
    if figure is not None:
        picture.write(figure, found)
    show_or_write(found, json, tables)
