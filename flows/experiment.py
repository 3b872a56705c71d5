"""The experiment as a Prefect flow: DVC's stages one by one, then what is no pure function of files.

`dvc.yaml` owns what depends on what and what is stale; Prefect owns when it runs, and shows each stage's state,
log and time. The workspace runs as it is: `params.yaml` is the only statement of the experiment.
"""

import logging
from pathlib import Path
from typing import Any, Literal

from emoflow import params, pipeline, process, settings
from emoflow.files import read_json
from emoflow.pipeline import Outcome
from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import FlowRun, State
from prefect.runtime import flow_run as this_run
from prefect.states import Completed

from .artifact import markdown

METRICS = Path("reports/metrics.json")
MARK = "EMOFLOW_FLOW_RUN"
"""In the environment of whatever a run starts, its id: by it the hook below finds what outlived the run."""

# Caching is DVC's business, and results are in files: Prefect keeps none of either.
PLAIN = {"cache_policy": NO_CACHE, "persist_result": False}


def end_leftovers(
    flow: Any, flow_run: FlowRun, state: State
) -> None:  # the worker passes them by these names
    """End whatever a cancelled or crashed run has left: the second line, for a run that was killed outright."""
    process.end_marked(MARK, str(flow_run.id))


@task(task_run_name="{name}", **PLAIN)
def stage(name: str, after: list[Outcome]) -> State[Outcome]:
    """One stage of `dvc.yaml`, brought up to date by `dvc repro`, everything upstream checked.

    It is called, never submitted: in the main thread a cancellation ends the wait, and with it the process group.

    Args:
        after: what the stages above it came to; draws the DAG in the UI.
    """
    log = get_run_logger()

    def tell(line: str) -> None:
        if line.strip():
            log.info("%s", line)

    outcome = pipeline.reproduce(name, on_line=tell, env={MARK: str(this_run.id)})
    why = f": {', '.join(outcome.why)}" if outcome.why else ""
    said = f"{outcome.how} in {outcome.seconds:.1f} s{why}"
    log.info("%s %s", name, said)
    title = "Completed" if outcome.how == pipeline.RAN else outcome.how.capitalize()
    return Completed(name=title, message=said, data=outcome)


@task(task_run_name="publish", **PLAIN)
def publish(after: list[Outcome]) -> State:
    """The finished experiment to MLflow, once: trials, metrics, plots, and the model as challenger."""
    from emoflow.registry.publish import publish

    held = settings.load()
    published = publish(
        root=Path(),
        tracking_uri=held.mlflow_tracking_uri,
        lineage_uri=held.lineage_uri,
        landmark_model=held.landmark_model,
        flow_run_url=this_run.ui_url,
    )
    title = "Unchanged" if published.reused else "Completed"
    return Completed(name=title, message=published.sentence(), data=published)


@task(task_run_name="gates", **PLAIN)
def gates(published: Any) -> State:
    """May the model become champion? A refusal is an answer, not a failure; a champion is not asked again."""
    from emoflow.lineage import Store
    from emoflow.registry.compare import Policy
    from emoflow.registry.gates import judge

    held = settings.load()
    with Store(held.lineage_uri, root=Path()) as store:
        champion = store.holder(published.name)
    if champion == published.version:
        return Completed(name="Unchanged", message=f"{published.uri} is champion already")
    report = judge(
        published.name,
        published.version,
        root=Path(),
        tracking_uri=held.mlflow_tracking_uri,
        lineage_uri=held.lineage_uri,
        policy=Policy.of(params.load().registry),
    )
    for gate in report.gates:
        line = f"{gate.gate}: {'holds' if gate.ok else 'refuses'}: {gate.found}"
        get_run_logger().log(logging.INFO if gate.ok else logging.WARNING, "%s", line)
    if report.refusals:
        why = "; ".join(f"{each.gate}: {each.found}" for each in report.refusals)
        return Completed(name="Refused", message=f"{published.uri} stays a challenger: {why}", data=report)
    return Completed(message=f"{published.uri} passes {len(report.gates)} gates", data=report)


@task(task_run_name="promote", **PLAIN)
def promote(report: Any) -> State:
    """Make the model that passed the gates champion, unless the champion has changed meanwhile."""
    from emoflow.registry.promotion import promote

    held = settings.load()
    promoted = promote(
        report.name,
        report.version,
        root=Path(),
        tracking_uri=held.mlflow_tracking_uri,
        lineage_uri=held.lineage_uri,
        reason=f"flow run {this_run.name}",
        report=report,
    )
    return Completed(name="Completed" if promoted.changed else "Unchanged", message=promoted.sentence())


@flow(persist_result=False, on_cancellation=[end_leftovers], on_crashed=[end_leftovers])
def experiment(until: Literal["stages", "publish", "promote"] = "promote") -> State:
    """Run the workspace's experiment: each stage of `dvc.yaml`; publish; ask the gates and promote.

    Args:
        until: how far to go. A model that a gate refuses stays the challenger, and the run says so.
    """
    done: dict[str, State[Outcome]] = {}
    for name, above in pipeline.graph().items():
        done[name] = stage(name, [done[each] for each in above])
    model = [] if until == "stages" else [publish(list(done.values()))]
    if until == "promote":
        model.append(gates(model[-1]))
        if model[-1].name == "Completed":
            model.append(promote(model[-1]))
    said = [state.message for state in model]
    outcomes = [state.result() for state in done.values()]
    metrics = read_json(METRICS) if METRICS.is_file() else None
    create_markdown_artifact(
        key="experiment", markdown=markdown(outcomes, metrics, said), description="Results, model, stages"
    )
    ran = sum(each.how == pipeline.RAN for each in outcomes)
    return Completed(message="; ".join([f"{ran} of {len(outcomes)} stages ran", *said]))
