"""`emoflow transfer`: train on each corpus, test on each, as one matrix."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from .. import errors
from .shared import places, require_png, require_workspace, show_or_write, spinner

app = typer.Typer()


@app.command(
    epilog="Examples: `emoflow transfer ravdess crema-d`; `emoflow transfer ravdess crema-d emodb --others --run`; "
    "`emoflow transfer ravdess crema-d --figure transfer.png`"
)
def transfer(
    corpora: Annotated[list[str], typer.Argument(help="folders in data/raw, two or more")],
    label_space: Annotated[
        str, typer.Option(help="in which all of them have labels: emotion7, emotion4 or one of params.yaml")
    ] = "emotion7",
    within: Annotated[str, typer.Option(help="the protocol of a corpus with itself")] = "kfold4",
    others: Annotated[
        bool, typer.Option("--others", help="also test each corpus by what all others train; needs three")
    ] = False,
    run: Annotated[
        bool, typer.Option("--run", help="first run the experiments that are not there, one after another")
    ] = False,
    json: Annotated[str | None, typer.Option(help="a JSON file for the matrix; - for stdout")] = None,
    figure: Annotated[Path | None, typer.Option(help="a PNG file for the picture")] = None,
) -> None:
    """Show how models of each corpus do on each other corpus, with intervals over the test speakers.

    Each cell is a `dvc exp` called transfer-SOURCE-to-TARGET-LABELS: this experiment of params.yaml with other corpora
    and the protocol cross:SOURCE:TARGET. Those that are finished are shown; --run runs the others. After Ctrl-C the
    same command goes on.
    """
    from ..evaluation.transfer import figure as picture
    from ..evaluation.transfer.matrix import TransferMatrix, cell, differing
    from ..evaluation.transfer.plan import plan
    from ..evaluation.transfer.table import rendered
    from ..experiments import read
    from ..lineage.git import dvc_experiments

    require_workspace()
    require_png(figure)
    planned = plan(corpora, label_space=label_space, within=within, others=others)
    if run:
        _run([each for each in planned if each.name not in dict(dvc_experiments(Path()))], corpora)
    there = dict(dvc_experiments(Path()))
    finished = [each for each in planned if each.name in there]
    where = places(lineage=False) | {"tracking_uri": None}
    with spinner("reading the experiments"):
        sides = {each.name: read(each.name, **where) for each in finished}
        matrix = TransferMatrix(
            corpora=corpora,
            label_space=label_space,
            cells=[cell(each, sides[each.name]) for each in finished],
            differing=differing(sides.values()),
        )
    if figure is not None:
        picture.write(figure, matrix)
    show_or_write(matrix, json, rendered)
    left = len(planned) - len(finished)
    if left and json != "-":
        print(f"{left} of {len(planned)} experiments are not there; the same command with --run runs them")


def _run(missing: list, corpora: list[str]) -> None:
    """Run experiments by DVC in this workspace, one after another; those that fail do not keep the others from it.

    Raises:
        EmoflowError: a corpus is not there.
    """
    from ..artifacts.corpora import RAW
    from ..pipeline import environment, experiment_command
    from ..process import run_group

    absent = [name for name in corpora if not (RAW / name).exists()]
    if absent:
        raise errors.EmoflowError(
            f"{RAW} has no {errors.listed(absent)}: emoflow corpora add, or dvc pull where they were pushed"
        )
    failed = []
    for number, each in enumerate(missing, start=1):
        print(f"transfer: experiment {number} of {len(missing)}: {each.name}", flush=True)
        if run_group(experiment_command(each.name, each.overrides), env=environment()):
            failed.append(each.name)
    if failed:
        print(
            f"transfer: failed, for the reasons that are printed above: {errors.listed(failed, 100)}",
            file=sys.stderr,
        )
    if missing:
        print(
            "params.yaml and the outputs are those of the last experiment; what they were before: "
            "git checkout params.yaml dvc.lock && dvc checkout"
        )
