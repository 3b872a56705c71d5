"""Keep services running: started in their order, started again when one dies, all ended together."""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from emoflow import logs
from emoflow.errors import SettingsError
from emoflow.process import end_group

from .services import Service

READY_S = 300.0
LOOK_EVERY_S = 0.5
SAY_EVERY_S = 5.0
TAIL = 15
FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 60.0
"""Seconds before a service that died is started again: the first time, and at most; doubled in between."""

STEADY_S = 300.0
"""Seconds that a service must run for its earlier deaths to be forgotten."""

MARK = "EMOFLOW_UI"
"""The variable that holds the workspace in every process that is started here, and in what these start."""


@dataclass
class Running:
    """One service and what has become of it.

    Attributes:
        service: the service.
        child: its process; None before it is started, and after it has died.
        started: when that was started, with a time zone; by the monotonic clock, ``since``.
        ready: whether that process has been ready.
        ever_ready: whether any process of this service has been.
        deaths: how often it has died since it last ran for `STEADY_S`.
        due: when it may be started, by the monotonic clock.
    """

    service: Service
    child: "subprocess.Popen[str] | None" = None
    started: datetime = field(default_factory=partial(datetime.now, UTC))
    since: float = 0.0
    ready: bool = False
    ever_ready: bool = False
    deaths: int = 0
    due: float = 0.0


class Supervisor:
    """Starts services, waits until they are ready, and starts again what dies.

    Args:
        services: in the order in which they are started; ended in the other.
        mark: the value of `MARK` in their processes.
        say: called with each line for the user.
    """

    def __init__(self, services: Sequence[Service], mark: str, say: Callable[[str], None]) -> None:
        self._all = [Running(service) for service in services]
        self._mark = mark
        self._say = say

    def start(self) -> None:
        """Start all services and return once all are ready.

        Raises:
            SettingsError: with the last lines of one that ends before it is ready, or is not ready after `READY_S`.
        """
        began = last = time.monotonic()
        while waiting := [each.service for each in self._all if not each.ever_ready]:
            self._step()
            now = time.monotonic()
            if now - began > READY_S:
                raise SettingsError(
                    f"{waiting[0].name} is not ready after {READY_S:.0f} s; {_last_lines(waiting[0])}"
                )
            if now - last > SAY_EVERY_S:
                self._say(f"waiting for {', '.join(each.name for each in waiting)}: {now - began:.0f} s")
                last = now
            time.sleep(LOOK_EVERY_S)

    def keep(self) -> None:
        """Keep all services running until the wait is interrupted."""
        while True:
            self._step()
            time.sleep(LOOK_EVERY_S)

    def end(self) -> None:
        """End all services, the last started first."""
        for each in reversed(self._all):
            if each.child is not None:
                end_group(each.child, each.service.grace_s)
                each.child = None

    def _step(self) -> None:
        ready = {each.service.name for each in self._all if each.ready}
        for each in self._all:
            if each.child is None:
                if time.monotonic() >= each.due and each.service.after <= ready:
                    self._start(each)
            elif (status := each.child.poll()) is not None:
                self._died(each, each.child, status)
            elif not each.ready and each.service.ready(each.started):
                again = " again" if each.ever_ready else ""
                each.ready = each.ever_ready = True
                seconds = time.monotonic() - each.since
                self._say(f"{each.service.name} is ready{again} after {seconds:.0f} s: {each.service.where}")

    def _start(self, each: Running) -> None:
        each.started, each.since, each.ready = datetime.now(UTC), time.monotonic(), False
        each.child = subprocess.Popen(
            each.service.command,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **each.service.env, MARK: self._mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        if each.child.stdout is not None:  # it is: a pipe was asked for, which its type does not know
            logs.write(each.child.stdout, each.service.log)

    def _died(self, each: Running, child: "subprocess.Popen[str]", status: int) -> None:
        end_group(child)  # its own children may still have the port
        if not each.ever_ready:
            raise SettingsError(
                f"{each.service.name} ended with status {status}; {_last_lines(each.service)}"
            )
        now = time.monotonic()
        each.deaths = 1 if now - each.since > STEADY_S else each.deaths + 1
        delay = min(FIRST_DELAY_S * 2 ** (each.deaths - 1), LONGEST_DELAY_S)
        each.child, each.ready, each.due = None, False, now + delay
        self._say(
            f"{each.service.name} ended with status {status} and is started again in {delay:.0f} s; "
            f"see {each.service.log}"
        )


def _last_lines(service: Service) -> str:
    lines = service.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
    return f"the end of {service.log}:\n" + "\n".join(f"  {line}" for line in lines)
