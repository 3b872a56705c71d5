"""Pre-training as a Prefect flow: the stages of `pretrain/dvc.yaml`."""

from collections.abc import Callable, Mapping
from typing import Literal

from emoflow import pipeline
from emoflow.artifacts.pretraining import PIPELINE
from emoflow.pipeline import Outcome
from emoflow.pretraining.stated import load
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from .experiment import end_leftovers, stage

Objective = Literal["av-hubert", "reconstruction", "data2vec", "fine-tuning", "adaptation"]


class PretrainingPipeline:
    """The stages of `pretrain/dvc.yaml`, of which DVC brings each up to date with all that it depends on."""

    def reproduce(
        self, stage: str, *, on_line: Callable[[str], None], env: Mapping[str, str] | None = None
    ) -> Outcome:
        """As `Pipeline.reproduce`, of a stage such as `inputs@control`."""
        whole = f"{PIPELINE.as_posix()}:{stage}"
        return pipeline.reproduce(whole, on_line=on_line, env=env, reasons=())


@flow(
    flow_run_name="{objective}",
    persist_result=False,
    on_cancellation=[end_leftovers],
    on_crashed=[end_leftovers],
)
def pretraining(objective: Objective = "av-hubert") -> State:
    """Pre-train or fine-tune a model as `pretrain/params.yaml` states it: a task a corpus, then the objective.

    Args:
        objective: a stage of `pretrain/dvc.yaml`.

    Returns:
        A completed state; its message counts the stages that ran.

    Raises:
        ParamsError: `pretrain/params.yaml` is missing or wrong.
        PipelineError: where a stage fails.
    """
    dag = PretrainingPipeline()
    done = [stage(f"inputs@{corpus}", dag, []) for corpus in load().corpora]
    done.append(stage(objective, dag, done))
    ran = sum(state.result().how == pipeline.RAN for state in done)
    return Completed(message=f"{ran} of {len(done)} stages ran")
