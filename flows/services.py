"""The servers that `make ui` runs: how each is started, on which port, and how one sees that it is ready."""

import json
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from emoflow import reach
from emoflow.errors import SettingsError

HOST = "127.0.0.1"
LOGS = Path(".emoflow/logs")
DEPLOYMENT = "experiment/nightly"


@dataclass(frozen=True)
class Service:
    """One process to run: started once those in ``after`` are ready, ready itself once ``health`` answers 200.

    Where ``polls`` is true, that address is a deployment's, and must have been polled since the start: Prefect
    keeps deployments, so an earlier worker's is there before ours has come up.
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
        """Whether it answers; ``since`` is when it was started."""
        try:
            answer = reach.prefect(self.health)
        except OSError:
            return False
        polled = json.loads(answer)["last_polled"] if self.polls else None
        return not self.polls or (polled is not None and datetime.fromisoformat(polled) >= since)


def chosen(environment: Mapping[str, str], tracking_uri: str) -> list[Service]:
    """What is to be started; ``environment`` gives the ports, and what is elsewhere.

    Raises:
        SettingsError: for a port that is none.
    """
    services = []
    api = environment.get("PREFECT_API_URL")
    if not api:
        services.append(_prefect(_port(environment, "PREFECT_SERVER_API_PORT", 4200)))
        api = services[0].env["PREFECT_API_URL"]
    if not tracking_uri.startswith(("http://", "https://")):
        services.append(_mlflow(_port(environment, "MLFLOW_PORT", 5000), tracking_uri))
    return [
        *services,
        _worker(api, after=frozenset(each.name for each in services if each.name == "Prefect")),
    ]


def require_free(service: Service) -> None:
    """Raises SettingsError where another process listens on the service's port, naming it and how to choose."""
    if service.port is None:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, service.port))
        except OSError as error:
            raise SettingsError(
                f"{service.name} wants port {service.port} of {HOST}, and cannot have it ({error.strerror}"
                f"{_holder(service.port)}); end that, or "
                f"choose another: {service.port_variable}={service.port + 1} make ui"
            ) from None


def _prefect(port: int) -> Service:
    api = f"http://{HOST}:{port}/api"
    return Service(
        "Prefect",
        [_tool("prefect"), "server", "start", "--host", HOST, "--port", str(port)],
        health=f"{api}/health",
        where=f"http://{HOST}:{port}",
        port=port,
        port_variable="PREFECT_SERVER_API_PORT",
        env={"PREFECT_API_URL": api},
    )


def _mlflow(port: int, tracking_uri: str) -> Service:
    # Runs made here without a server keep their files in mlruns; those made through it do the same.
    files = ["--default-artifact-root", Path("mlruns").absolute().as_uri(), "--no-serve-artifacts"]
    network = ["--host", HOST, "--port", str(port), "--allowed-hosts", f"{HOST}:{port},localhost:{port}"]
    return Service(
        "MLflow",
        [_tool("mlflow"), "server", "--backend-store-uri", tracking_uri, *files, *network, "--workers", "1"],
        health=f"http://{HOST}:{port}/health",
        where=f"http://{HOST}:{port}/#/experiments?workflowType=machine_learning",  # its home page is another trade's
        port=port,
        port_variable="MLFLOW_PORT",
        env={"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},  # evaluates prompts, of which there are none
    )


def _worker(api: str, after: frozenset[str]) -> Service:
    return Service(
        "Worker",
        [sys.executable, "-m", "emoflow.flows.serve"],
        health=f"{api.rstrip('/')}/deployments/name/{DEPLOYMENT}",
        where=f"runs {DEPLOYMENT} when asked, and every night at three",
        env={"PREFECT_API_URL": api},
        after=after,
        polls=True,
        grace_s=30.0,  # a run in flight first ends its stage, which has ten seconds of its own
    )


def _tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _port(environment: Mapping[str, str], variable: str, default: int) -> int:
    said = environment.get(variable) or str(default)
    if not (said.isdecimal() and 0 < int(said) < 65536):
        raise SettingsError(f"{variable} is {said!r}; a port is a number from 1 to 65535")
    return int(said)


def _holder(port: int) -> str:
    """Who listens there, where this can be seen."""
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
