"""The servers that `emoflow ui` runs: how each is started, on which port, and how to tell that it is ready."""

import json
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from emoflow import reach
from emoflow.errors import SettingsError
from emoflow.logs import LOGS

from .serve import DEPLOYMENT, OWN_SERVER, schedule

HOST = "127.0.0.1"
LOGIN = "PREFECT_API_AUTH_STRING"
"""Prefect's own setting: ``user:password`` for its API, without which it answers nobody."""


@dataclass(frozen=True)
class Service:
    """One process to run.

    Attributes:
        name: what it is called, also its log.
        command: what starts it.
        health: the address that answers 200 once it is ready, asked with the login in ``env``.
        where: what `emoflow ui` prints of it: its address, or what it does.
        port: the port that it listens on; None for one that listens on none.
        port_variable: the environment variable that chooses another port.
        env: variables beside those of this process.
        after: the services that must be ready before it is started.
        polls: whether ``health`` is the address of a deployment, which must have been polled since the start: Prefect
            stores deployments, so that of an earlier worker is there before this one is ready.
        grace_s: seconds between SIGTERM and SIGKILL.
    """

    name: str
    command: list[str]
    health: str
    where: str
    port: int | None = None
    port_variable: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    after: frozenset[str] = frozenset()
    polls: bool = False
    grace_s: float = 10.0

    @property
    def log(self) -> Path:
        return LOGS / f"{self.name.lower()}.log"

    def ready(self, since: datetime) -> bool:
        """Whether it is ready.

        Args:
            since: when it was started, with a time zone.
        """
        try:
            answer = reach.get(self.health, login=self.env.get(LOGIN))
        except OSError:
            return False
        polled = json.loads(answer)["last_polled"] if self.polls else None
        return not self.polls or (polled is not None and datetime.fromisoformat(polled) >= since)


def chosen(environment: Mapping[str, str], tracking_uri: str) -> list[Service]:
    """The services to start, in their order.

    Args:
        environment: the ports, PREFECT_API_URL where the Prefect server runs elsewhere, and the login of its API:
            one is made up for a server of our own where there is none.
        tracking_uri: where MLflow is; an http address means that it runs elsewhere.

    Returns:
        The servers that do not run elsewhere, then the worker.

    Raises:
        SettingsError: for a port that is no number from 1 to 65535.
    """
    services = []
    api, login = environment.get("PREFECT_API_URL"), environment.get(LOGIN)
    if not api:
        login = login or f"emoflow:{secrets.token_urlsafe(24)}"
        services.append(_prefect(_port(environment, "PREFECT_SERVER_API_PORT", 4200), login))
        api = services[0].env["PREFECT_API_URL"]
    own = bool(services)
    if not tracking_uri.startswith(("http://", "https://")):
        services.append(_mlflow(_port(environment, "MLFLOW_PORT", 5000), tracking_uri))
    return [*services, _worker(api, login, own=own)]


def require_free(service: Service) -> None:
    """Check that the port of a service is free.

    Args:
        service: one that may have a port.

    Raises:
        SettingsError: where another process listens there, with its name and how to choose another port.
    """
    if service.port is None:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, service.port))
        except OSError as error:
            raise SettingsError(
                f"{service.name} cannot listen on port {service.port} of {HOST} ({error.strerror}"
                f"{_holder(service.port)}); end that process, or "
                f"choose another: {service.port_variable}={service.port + 1} emoflow ui"
            ) from None


def _prefect(port: int, login: str) -> Service:
    api = f"http://{HOST}:{port}/api"
    return Service(
        "Prefect",
        [*_uvicorn("emoflow.flows.guards:prefect"), "--host", HOST, "--port", str(port)],
        health=f"{api}/health",
        where=f"http://{HOST}:{port}",
        port=port,
        port_variable="PREFECT_SERVER_API_PORT",
        env={
            "PREFECT_API_URL": api,
            LOGIN: login,
            "PREFECT_SERVER_API_AUTH_STRING": login,
            "PREFECT_SERVER_API_HOST": HOST,
            "PREFECT_SERVER_API_PORT": str(port),
        },
    )


def _uvicorn(factory: str) -> list[str]:
    return [sys.executable, "-m", "uvicorn", "--factory", factory, "--log-level", "warning"]


def _mlflow(port: int, tracking_uri: str) -> Service:
    # The files of runs are in mlruns, whether the runs are made through this server or without one.
    files = ["--default-artifact-root", Path("mlruns").absolute().as_uri(), "--no-serve-artifacts"]
    network = ["--host", HOST, "--port", str(port), "--allowed-hosts", f"{HOST}:*,localhost:*"]
    return Service(
        "MLflow",
        [_tool("mlflow"), "server", "--app-name", "emoflow", *files, *network, "--workers", "1"],
        health=f"http://{HOST}:{port}/health",
        where=f"http://{HOST}:{port}/#/experiments?workflowType=machine_learning",  # the home page is for GenAI
        port=port,
        port_variable="MLFLOW_PORT",
        env={
            "MLFLOW_BACKEND_STORE_URI": tracking_uri,  # it may hold a password, and a command line is public
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # evaluates prompts, of which there are none
        },
    )


def _worker(api: str, login: str | None, *, own: bool) -> Service:
    return Service(
        "Worker",
        [sys.executable, "-m", "emoflow.flows.serve"],
        health=f"{api.rstrip('/')}/deployments/name/{DEPLOYMENT}",
        where=f"runs {DEPLOYMENT} when asked, and {schedule()}",
        env={
            "PREFECT_API_URL": api,
            **({LOGIN: login} if login else {}),
            **({OWN_SERVER: "1"} if own else {}),
        },
        after=frozenset({"Prefect"} if own else ()),
        polls=True,
        grace_s=30.0,  # a run in flight first ends its stage, which has ten seconds of its own
    )


def _tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _port(environment: Mapping[str, str], variable: str, default: int) -> int:
    port = environment.get(variable) or str(default)
    if not (port.isdecimal() and 0 < int(port) < 65536):
        raise SettingsError(f"{variable} is {port!r}; a port is a number from 1 to 65535")
    return int(port)


def _holder(port: int) -> str:
    """The process that listens on ``port``, where the system lets us see it."""
    import psutil

    try:
        found = [
            each
            for each in psutil.net_connections("tcp")
            if each.laddr and each.laddr.port == port and each.pid
        ]
        return f": process {found[0].pid}, {psutil.Process(found[0].pid).name()}" if found else ""
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return ""
