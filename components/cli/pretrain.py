"""`emoflow pretrain`: the pipeline of pretrain/dvc.yaml."""

from enum import StrEnum
from typing import Annotated

import typer

from ..errors import CorpusError, WorkspaceError, listed
from .shared import require_workspace

app = typer.Typer()


class Objective(StrEnum):
    """A stage of pretrain/dvc.yaml each."""

    av_hubert = "av-hubert"
    reconstruction = "reconstruction"
    data2vec = "data2vec"
    fine_tuning = "fine-tuning"
    adaptation = "adaptation"


@app.command(
    epilog="Examples: `emoflow pretrain av-hubert`; `EMOFLOW_DEVICE=cuda emoflow pretrain av-hubert`; "
    "`emoflow pretrain fine-tuning`; `emoflow pretrain adaptation`"
)
def pretrain(
    objective: Annotated[
        Objective,
        typer.Argument(
            help="av-hubert: predict the clusters of masked sound and pictures; reconstruction: predict these "
            "themselves; data2vec: predict what a teacher makes of masked sound; fine-tuning: from a model that is "
            "there, learn what is said, how, or both; adaptation: go on with clips that are like emotional ones"
        ),
    ],
) -> None:
    """Pre-train a model on recordings without labels, or fine-tune one on labelled ones, as pretrain/params.yaml says.

    It is `dvc repro pretrain/dvc.yaml:OBJECTIVE`: what is up to date is not run again, and a killed run goes on from
    its last saved update. The model is an encoder's folder below data/pretraining.
    """
    from ..artifacts.corpora import RAW
    from ..artifacts.pretraining import PIPELINE
    from ..pipeline import reproduce
    from ..pretraining.stated import load

    require_workspace()
    if not PIPELINE.is_file():
        raise WorkspaceError(f"{PIPELINE} does not exist; to have it laid out: emoflow init --upgrade .")
    absent = [name for name in load().corpora if not (RAW / name).exists()]
    if absent:
        raise CorpusError(
            f"{RAW} has no {listed(absent)}, which pretrain/params.yaml names: emoflow corpora add (or synthesise) "
            "brings a corpus there, dvc pull one that was pushed"
        )
    reproduce(f"{PIPELINE.as_posix()}:{objective}", on_line=print, reasons=())
