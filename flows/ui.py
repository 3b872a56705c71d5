"""`emoflow ui`: the Prefect server, the MLflow server and the worker, on loopback, until Ctrl-C ends all three.

A server that runs elsewhere by the environment is not started: the Prefect server where PREFECT_API_URL is set, the
MLflow server where MLFLOW_TRACKING_URI is an http address.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

from emoflow import settings
from emoflow.errors import SettingsError, run
from emoflow.process import end_group, end_marked

from .services import LOGS, Service, chosen, require_free

MARK = "EMOFLOW_UI"
READY_S = 300.0
LOOK_EVERY_S = 0.5
SAY_EVERY_S = 5.0
TAIL = 15


def main() -> None:
    """Start the services and keep them until Ctrl-C or a signal.

    Raises:
        SettingsError: where a port is taken, or a service does not start or ends.
    """
    services = chosen(os.environ, settings.load().mlflow_tracking_uri)
    for service in services:
        require_free(service)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        keep(services)
    except KeyboardInterrupt:
        _say("all ended")


def keep(services: Sequence[Service]) -> None:
    """Run the services until one of them ends or the wait is interrupted; then end all, the last started first.

    Args:
        services: in the order in which they are started.

    Raises:
        SettingsError: with the last lines of the one that ended, or that is not ready after `READY_S`.
        KeyboardInterrupt: once everything has ended.
    """
    mark = uuid.uuid4().hex
    LOGS.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.callback(end_marked, MARK, mark)
        running: dict[str, subprocess.Popen] = {}
        ready: set[str] = set()
        start = datetime.now(UTC)
        began = last_message = time.monotonic()
        _say(
            f"starting {', '.join(service.name for service in services)}: up to a minute or two; logs in {LOGS}"
        )
        while len(ready) < len(services):
            for service in services:
                if service.name not in running and service.after <= ready:
                    running[service.name] = child = _start(service, mark)
                    stack.callback(end_group, child, service.grace_s)
                elif service.name in running and service.name not in ready and service.ready(start):
                    ready.add(service.name)
                    _say(f"{service.name} is ready after {time.monotonic() - began:.0f} s: {service.where}")
            _require_alive(services, running)
            waiting = [service.name for service in services if service.name not in ready]
            now = time.monotonic()
            if now - began > READY_S:
                slow = next(service for service in services if service.name in waiting)
                raise SettingsError(f"{slow.name} is not ready after {READY_S:.0f} s; {_last_lines(slow)}")
            if waiting and now - last_message > SAY_EVERY_S:
                _say(f"waiting for {', '.join(waiting)}: {now - began:.0f} s")
                last_message = now
            time.sleep(LOOK_EVERY_S)
        _say(_welcome(services))
        while True:
            time.sleep(LOOK_EVERY_S)
            _require_alive(services, running)


def _start(service: Service, mark: str) -> subprocess.Popen:
    with service.log.open("w", encoding="utf-8") as log:
        return subprocess.Popen(
            service.command,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **service.env, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _require_alive(services: Sequence[Service], running: dict[str, subprocess.Popen]) -> None:
    for service in services:
        if service.name in running and (status := running[service.name].poll()) is not None:
            raise SettingsError(f"{service.name} ended with status {status}; {_last_lines(service)}")


def _last_lines(service: Service) -> str:
    lines = service.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
    return f"the end of {service.log}:\n" + "\n".join(f"  {line}" for line in lines)


def _welcome(services: Sequence[Service]) -> str:
    lines = ["", *(f"  {service.name:8} {service.where}" for service in services)]
    api = services[-1].env["PREFECT_API_URL"]
    python = Path(sys.executable).parent
    with suppress(ValueError):
        python = python.relative_to(Path.cwd())
    return "\n".join(
        [
            *lines,
            "",
            "  Run the experiment: in the Prefect UI, Deployments, experiment/nightly, Run; or",
            f"    PREFECT_API_URL={api} {python}/prefect deployment run experiment/nightly",
            "  Ctrl-C ends all of them.",
        ]
    )


def _say(line: str) -> None:
    print(line, flush=True)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    run(main)
