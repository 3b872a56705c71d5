"""Pre-training as a Prefect flow: the stages of `pretrain/dvc.yaml`."""

from typing import Literal

from emoflow import pipeline
from emoflow.artifacts.pretraining import PIPELINE
from emoflow.pipeline import Outcome
from emoflow.pretraining.stated import load
from prefect import flow, get_run_logger, task
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run as this_run
from prefect.states import Completed

from .experiment import MARK, PLAIN, end_leftovers

Objective = Literal["av-hubert", "reconstruction", "data2vec", "fine-tuning", "adaptation"]


@task(task_run_name="{name}", **PLAIN)
def stage(name: str, after: list[State[Outcome]]) -> State[Outcome]:
    """Bring one stage up to date, with what it depends on.

    Args:
        name: the stage, as `inputs@control`.
        after: the outcomes of the stages before it, from which Prefect draws the DAG.

    Returns:
        A completed state, named by what became of the stage, with its `Outcome`.

    Raises:
        PipelineError: with the stage's own last lines.
    """
    log = get_run_logger()

    def log_line(line: str) -> None:
        if line.strip():
            log.info("%s", line)

    whole = f"{PIPELINE.as_posix()}:{name}"
    outcome = pipeline.reproduce(whole, on_line=log_line, env={MARK: str(this_run.id)}, reasons=())
    title = "Completed" if outcome.how == pipeline.RAN else outcome.how.capitalize()
    return Completed(name=title, message=f"{outcome.how} in {outcome.seconds:.1f} s", data=outcome)


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
    done = [stage(f"inputs@{corpus}", []) for corpus in load().corpora]
    done.append(stage(objective, done))
    ran = sum(state.result().how == pipeline.RAN for state in done)
    return Completed(message=f"{ran} of {len(done)} stages ran")
