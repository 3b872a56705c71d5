"""The runs of the deployments at the Prefect server: the next one planned, and those whose worker has died."""

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from emoflow import process

from .serve import DEPLOYMENT, PRETRAINING

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

PLANNED_S = 150.0
"""Seconds in which a server that works plans the runs of a deployment: its scheduler looks once a minute."""

LOOK_EVERY_S = 2.0


def client(api: str, login: str | None) -> "SyncPrefectClient":
    """A client of a Prefect server, to be used as a context manager.

    Args:
        api: where it is, as ``http://HOST:PORT/api``.
        login: ``user:password``; None where it asks for none.
    """
    from prefect.client.orchestration import SyncPrefectClient

    return SyncPrefectClient(api, auth_string=login)


def next_run(server: "SyncPrefectClient", *, within_s: float = PLANNED_S) -> datetime | None:
    """The next planned run of the deployment.

    Args:
        server: the Prefect server, on which the deployment is.
        within_s: how long to wait for one, in seconds.

    Returns:
        Its time, in the local time zone; None where none is planned in that time.
    """
    from httpx import TransportError

    until = time.monotonic() + within_s
    while True:
        with suppress(TransportError):  # a server that has died is started again
            times = [run.next_scheduled_start_time for run in _runs(server, [DEPLOYMENT], "SCHEDULED")]
            if planned := [each for each in times if each is not None]:
                return min(planned).astimezone()
        if time.monotonic() > until:
            return None
        time.sleep(LOOK_EVERY_S)


def close_orphans(server: "SyncPrefectClient") -> int:
    """Mark the runs of the deployments that are in progress as crashed, and end the processes that they left.

    Call it while no worker runs: no process of theirs is there that would report the end of such a run.

    Args:
        server: the Prefect server.

    Returns:
        How many there were.
    """
    from prefect.states import Crashed

    from .experiment import MARK

    orphans = _runs(server, [DEPLOYMENT, PRETRAINING], "RUNNING", "PENDING", "CANCELLING")
    for run in orphans:
        process.end_marked(MARK, str(run.id))
        server.set_flow_run_state(run.id, Crashed(message="the worker that ran it has ended"), force=True)
    return len(orphans)


def _runs(server: "SyncPrefectClient", deployments: Sequence[str], *states: str) -> list["FlowRun"]:
    from prefect.client.schemas.filters import DeploymentFilter, FlowRunFilter
    from prefect.exceptions import ObjectNotFound

    ids = []
    for name in deployments:
        with suppress(ObjectNotFound):  # this server has never had a worker that serves it
            ids.append(server.read_deployment_by_name(name).id)
    if not ids:
        return []
    return server.read_flow_runs(
        deployment_filter=DeploymentFilter.model_validate({"id": {"any_": ids}}),
        flow_run_filter=FlowRunFilter.model_validate({"state": {"type": {"any_": list(states)}}}),
    )
