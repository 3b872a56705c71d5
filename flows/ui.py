"""`emoflow ui`: the Prefect server, the MLflow server and the worker, on loopback, until Ctrl-C ends all three.

A server that runs elsewhere by the environment is not started: the Prefect server where PREFECT_API_URL is set, the
MLflow server where MLFLOW_TRACKING_URI is an http address.
"""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Thread

from emoflow import logs, reach, settings
from emoflow.errors import SettingsError, run
from emoflow.process import end_marked
from filelock import FileLock, Timeout

from . import scheduled
from .serve import DEPLOYMENT
from .services import LOGIN, Service, chosen, require_free
from .supervise import MARK, Supervisor

LOCK = Path(".emoflow/ui.lock")


def main() -> None:
    """Start the services and keep them until Ctrl-C or a signal.

    Raises:
        SettingsError: where `emoflow ui` runs in this workspace already, a port is taken, a server elsewhere does not
            answer, or a service does not start.
    """
    if api := os.environ.get("PREFECT_API_URL"):
        _require_answer(api)
    services = chosen(os.environ, settings.load().mlflow_tracking_uri)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with _alone():
            for service in services:
                require_free(service)
            keep(services)
    except KeyboardInterrupt:
        _say("all ended")


def keep(services: Sequence[Service]) -> None:
    """Run the services until the wait is interrupted; then end all, the last started first.

    Args:
        services: in the order in which they are started.

    Raises:
        SettingsError: with the last lines of one that does not start.
        KeyboardInterrupt: once everything has ended.
    """
    mark = str(Path.cwd())
    with ExitStack() as stack:
        stack.callback(end_marked, MARK, mark)
        supervisor = Supervisor(services, mark, _say)
        stack.callback(supervisor.end)
        names = ", ".join(service.name for service in services)
        _say(f"starting {names}: up to a minute or two; logs in {logs.LOGS}")
        supervisor.start()
        _say(_welcome(services))
        Thread(target=_say_schedule, args=(services[-1],), daemon=True).start()
        supervisor.keep()


@contextmanager
def _alone() -> Iterator[None]:
    """Have this workspace to ourselves, and end what an `emoflow ui` that was killed outright left running."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(LOCK, timeout=0):
            if left := end_marked(MARK, str(Path.cwd())):
                _say(f"ended {len(left)} processes that an earlier `emoflow ui` left running")
            yield
    except Timeout:
        raise SettingsError(
            f"`emoflow ui` already runs in this workspace ({LOCK} is locked): use that one, or end it"
        ) from None


def _require_answer(api: str) -> None:
    try:
        reach.prefect(f"{api.rstrip('/')}/health")
    except OSError as error:
        raise SettingsError(
            f"PREFECT_API_URL is {api}, where no Prefect server answers ({reach.problem(error)}): start that server, "
            "or unset PREFECT_API_URL for one of its own that `emoflow ui` starts"
        ) from None


def _say_schedule(worker: Service) -> None:
    """Say when the schedule runs next, or that the server plans nothing."""
    with scheduled.client(worker.env["PREFECT_API_URL"], worker.env.get(LOGIN)) as server:
        planned = scheduled.next_run(server)
    if planned is not None:
        _say(f"  The schedule runs next on {planned:%Y-%m-%d at %H:%M}.")
        return
    _say(
        f"The Prefect server has planned no run of {DEPLOYMENT} in {scheduled.PLANNED_S:.0f} s: the schedule will "
        "not fire (a run that is asked for does). `emoflow doctor` shows which errors its log repeats."
    )


def _welcome(services: Sequence[Service]) -> str:
    worker = services[-1]
    python = Path(sys.executable).parent
    with suppress(ValueError):
        python = python.relative_to(Path.cwd())
    lines = ["", *(f"  {service.name:8} {service.where}" for service in services), ""]
    if services[0].name == "Prefect" and LOGIN not in os.environ:
        if sys.stdout.isatty():  # a redirected output is a file, and a file holds no password
            lines += [f"  Prefect asks for a login, made up for this start: {worker.env[LOGIN]}", ""]
        else:
            lines += [
                "  Prefect asks for a login, which is not written here because this output is no terminal:",
                f"  set {LOGIN}=USER:PASSWORD before the start to choose it",
                "",
            ]
    login = f"{LOGIN}=USER:PASSWORD " if LOGIN in worker.env else ""
    return "\n".join(
        [
            *lines,
            f"  Run the experiment: in the Prefect UI, Deployments, {DEPLOYMENT}, Run; or",
            f"    {login}PREFECT_API_URL={worker.env['PREFECT_API_URL']} "
            f"{python}/prefect deployment run {DEPLOYMENT}",
            "  Ctrl-C ends all of them.",
        ]
    )


def _say(line: str) -> None:
    print(line, flush=True)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    run(main)
