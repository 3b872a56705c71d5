"""The experiment as a Prefect flow: the stages of `dvc.yaml`, then publishing, the gates and the promotion.

DVC decides what depends on what and what is stale; Prefect decides when it runs, and shows each stage's state, log
and time. The workspace runs as it is: `params.yaml` is the only statement of the experiment.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from emoflow import params, pipeline, process, settings
from emoflow.artifacts.reports import Metrics
from emoflow.errors import EmoflowError
from emoflow.pipeline import Outcome, Pipeline
from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import FlowRun, State
from prefect.runtime import flow_run as this_run
from prefect.states import Completed

from . import links
from .artifact import markdown

MARK = "EMOFLOW_FLOW_RUN"
"""The variable that holds the run's id in every process that a run starts: `end_leftovers` finds them by it."""

# DVC caches, and results are files: Prefect stores neither.
PLAIN = {"cache_policy": NO_CACHE, "persist_result": False}


def end_leftovers(
    flow: Any, flow_run: FlowRun, state: State
) -> None:  # the worker passes them by these names
    """End the processes that a cancelled or crashed run has left behind, which a run killed by SIGKILL cannot do.

    Args:
        flow: the flow, unused.
        flow_run: the run that ended.
        state: the state that it ended in, unused.
    """
    process.end_marked(MARK, str(flow_run.id))


def run_name() -> str:
    """What a run of this workspace is called, by its corpora and protocol, as ``control · kfold4``.

    Returns:
        The name by ``params.yaml`` as it stands when the run starts; the folder's name where that cannot be read,
        since the run itself reports what is wrong with it.
    """
    try:
        stated = params.load()
    except EmoflowError:
        return Path.cwd().name
    return f"{' + '.join(stated.corpora)} · {stated.protocol_name()}"


class Reproduces(Protocol):
    """A pipeline, `dvc.yaml`'s or another."""

    def reproduce(
        self, stage: str, *, on_line: Callable[[str], None], env: Mapping[str, str] | None = None
    ) -> Outcome:
        """See `Pipeline.reproduce`."""


@task(task_run_name="{name}", **PLAIN)
def stage(name: str, dag: Reproduces, after: list[Outcome]) -> State[Outcome]:
    """Bring one stage up to date.

    Call it, never submit it: in the main thread a cancellation ends the wait, and with it the process group.

    Args:
        name: the stage, as `features@control`.
        dag: the pipeline that it belongs to.
        after: the outcomes of the stages upstream, from which Prefect draws the DAG.

    Returns:
        A completed state, named by what became of the stage, with its `Outcome`.

    Raises:
        PipelineError: with the stage's own last lines.
    """
    log = get_run_logger()

    def log_line(line: str) -> None:
        if line.strip():
            log.info("%s", line)

    outcome = dag.reproduce(name, on_line=log_line, env={MARK: str(this_run.id)})
    why = f": {', '.join(outcome.why)}" if outcome.why else ""
    message = f"{outcome.how} in {outcome.seconds:.1f} s{why}"
    log.info("%s %s", name, message)
    title = "Completed" if outcome.how == pipeline.RAN else outcome.how.capitalize()
    return Completed(name=title, message=message, data=outcome)


@task(task_run_name="publish", **PLAIN)
def publish(after: list[Outcome]) -> State:
    """Publish the finished experiment to MLflow, once: trials, metrics, plots, and the model as challenger.

    Args:
        after: the outcomes of all stages.

    Returns:
        A completed state with what was published; its name is ``Unchanged`` where that was there before.

    Raises:
        RegistryError: where the experiment is not finished, or MLflow cannot be reached.
        LineageError: where it cannot be told what the model came from.
    """
    from emoflow.encoders import ModelFiles
    from emoflow.registry.publish import publish

    environment = settings.load()
    published = publish(
        root=Path(),
        tracking_uri=environment.mlflow_tracking_uri,
        lineage_uri=environment.lineage_uri,
        models=ModelFiles(environment.landmark_model, environment.encoders),
        flow_run_url=this_run.ui_url,
    )
    title = "Unchanged" if published.reused else "Completed"
    return Completed(name=title, message=published.sentence(), data=published)


@task(task_run_name="gates", **PLAIN)
def gates(published: Any) -> State:
    """Ask the gates whether the model may become champion; one that is champion is not asked again.

    Args:
        published: the state that `publish` returned.

    Returns:
        A completed state with the gates' report; its name is ``Refused`` where a gate refuses, which is an answer
        and no failure.

    Raises:
        RegistryError: where the model cannot be found or loaded.
    """
    from emoflow.lineage import Store
    from emoflow.registry.compare import Policy
    from emoflow.registry.gates import judge

    environment = settings.load()
    with Store(environment.lineage_uri, root=Path()) as store:
        champion = store.holder(published.name)
    if champion == published.version:
        return Completed(name="Unchanged", message=f"{published.uri} is champion already")
    report = judge(
        published.name,
        published.version,
        root=Path(),
        tracking_uri=environment.mlflow_tracking_uri,
        lineage_uri=environment.lineage_uri,
        policy=Policy.of(params.load().registry),
    )
    for gate in report.gates:
        line = f"{gate.gate}: {'passed' if gate.ok else 'refused'}: {gate.found}"
        get_run_logger().log(logging.INFO if gate.ok else logging.WARNING, "%s", line)
    if report.refusals:
        why = "; ".join(f"{each.gate}: {each.found}" for each in report.refusals)
        return Completed(name="Refused", message=f"{published.uri} stays a challenger: {why}", data=report)
    return Completed(message=f"{published.uri} passes {len(report.gates)} gates", data=report)


@task(task_run_name="promote", **PLAIN)
def promote(report: Any) -> State:
    """Make the model that passed the gates champion, unless the champion has changed since they were asked.

    Args:
        report: the state that `gates` returned.

    Returns:
        A completed state; its name is ``Unchanged`` where the model was champion already.

    Raises:
        PromotionConflict: where the champion has changed.
    """
    from emoflow.registry.promotion import promote

    environment = settings.load()
    promoted = promote(
        report.name,
        report.version,
        root=Path(),
        tracking_uri=environment.mlflow_tracking_uri,
        lineage_uri=environment.lineage_uri,
        reason=f"flow run {this_run.name} ({this_run.id})",
        report=report,
    )
    return Completed(name="Completed" if promoted.changed else "Unchanged", message=promoted.sentence())


@flow(
    flow_run_name=run_name,
    persist_result=False,
    on_cancellation=[end_leftovers],
    on_crashed=[end_leftovers],
)
def experiment(until: Literal["stages", "publish", "promote"] = "promote") -> State:
    """Run the workspace's experiment: each stage of `dvc.yaml`; publish; ask the gates and promote.

    Args:
        until: how far to go. A model that a gate refuses stays the challenger, and the run says so.

    Returns:
        A completed state; its message counts the stages that ran and says what became of the model.

    Raises:
        PipelineError: where a stage fails, or ``dvc.yaml`` cannot be read.
        EmoflowError: where publishing, judging or promoting fails.
    """
    dag = Pipeline()
    done: dict[str, State[Outcome]] = {}
    for name, above in dag.graph.items():
        done[name] = stage(name, dag, [done[each] for each in above])
    model = [] if until == "stages" else [publish(list(done.values()))]
    if until == "promote":
        model.append(gates(model[-1]))
        if model[-1].name == "Completed":
            model.append(promote(model[-1]))
    messages = [state.message for state in model]
    outcomes = [state.result() for state in done.values()]
    metrics = Metrics.read() if Metrics.path().is_file() else None
    published = model[0].result() if model else None
    create_markdown_artifact(
        key="experiment",
        markdown=markdown(outcomes, metrics, messages, links.found(published)),
        description="Results, model, links, stages",
    )
    ran = sum(each.how == pipeline.RAN for each in outcomes)
    return Completed(message="; ".join([f"{ran} of {len(outcomes)} stages ran", *messages]))
