"""Where a run's results can be looked at: the report, and the run in MLflow."""

from pathlib import Path
from typing import TYPE_CHECKING

from emoflow import settings
from emoflow.artifacts.reports import REPORT
from emoflow.errors import redacted

if TYPE_CHECKING:
    from emoflow.registry.publish import Published


def found(published: "Published | None") -> list[str]:
    """The links of a run, as Markdown, a line each.

    Args:
        published: what the run published; None where it published nothing.

    Returns:
        The report where it is there; the MLflow run where there is one: by address where MLflow is a server, else
        by its id.
    """
    lines = []
    if REPORT.is_file():
        lines.append(f"Report: [{REPORT}]({REPORT.resolve().as_uri()}) on the machine that ran this")
    if published is not None:
        lines.append(_mlflow(published, settings.load().mlflow_tracking_uri))
    return lines


def _mlflow(published: "Published", tracking_uri: str) -> str:
    if not tracking_uri.startswith(("http://", "https://")):
        return f"MLflow: run `{published.run_id}`; `emoflow ui` starts a server that shows it"
    from emoflow.registry.tracking import tracking

    with tracking(tracking_uri, root=Path()) as client:
        experiment = client.get_run(published.run_id).info.experiment_id
    page = f"{redacted(tracking_uri).rstrip('/')}/#/experiments/{experiment}"
    run = f"{page}/runs/{published.run_id}"
    return f"MLflow: [this run]({run}), [all runs of the experiment]({page}/runs)"
