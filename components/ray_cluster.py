"""The Ray that a search or an extraction runs on: one of its own on loopback, or a cluster that is there.

Light to import: a node is asked from here whether it has what the work needs, and may lack it.
"""

import importlib
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import SearchError, SettingsError, listed

CONNECT_S = 10
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
PASSED_ON = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION")
"""Of the driver's environment, to the workers: where things lie. Credentials are the nodes' own."""


@dataclass(frozen=True)
class Site:
    """Where work runs.

    Attributes:
        workers: processes of a local Ray; a cluster has its own.
        device: "cpu" or "cuda".
        address: of a cluster to join; a local one is started where None.
        processes_per_gpu: so many share one.
        shared: what every node sees, for features: a folder, or ``s3://bucket/prefix``.
    """

    workers: int
    device: str
    address: str | None = None
    processes_per_gpu: int = 4
    shared: str | None = None

    @property
    def processes(self) -> int:
        """How many run on this machine at once: while one of those that share a GPU decodes, another computes."""
        return self.workers if self.device == "cpu" else min(self.workers, self.processes_per_gpu)

    @property
    def resources(self) -> dict[str, float]:
        """What one worker asks for, in Ray's units: CPUs, and a share of a GPU."""
        return {"cpu": 1, "gpu": 1 / self.processes_per_gpu if self.device == "cuda" else 0}


@contextmanager
def joined(site: Site, environment: dict[str, str], *, needs: str) -> Iterator[None]:
    """Join Ray, and leave it at the end, whatever happens; does nothing where this process has joined already.

    Args:
        site: a local Ray is started where it has no address.
        environment: of the workers.
        needs: the module that the workers run, which every node of a cluster must be able to import.

    Raises:
        SettingsError: a cluster that does not answer, refuses the token, or whose nodes lack what the work needs; a
            machine that is too busy for Ray to start.
    """
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # the new one prints tables even where it is asked for nothing
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # Ctrl-C ends the stage, and Ray with it
    os.environ["TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if not site.address:
        _stay_local()
    import ray

    if ray.is_initialized():
        yield
        return
    try:
        with tempfile.TemporaryDirectory() as folder:
            where = (
                _cluster(site.address, environment, _code(Path(folder)))
                if site.address
                else _local(site.workers, environment)
            )
            ray.init(logging_level="ERROR", log_to_driver=False, **where)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        if not site.address:
            raise
        raise SettingsError(_refused(site.address, error)) from None
    except Exception as error:
        if "timed out during startup" not in str(error):  # Ray has no class of its own for it
            raise
        raise SettingsError(
            "Ray did not start within 30 s, probably since this machine is busy: run the same command again; what was "
            "finished is kept"
        ) from None
    try:
        if site.address:
            _check_nodes(site, needs)
        yield
    finally:
        ray.shutdown()


def _stay_local() -> None:
    """Have a Ray of our own listen on loopback alone, and ask for a token. Ray reads these when it is imported."""
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = (
        "0"  # on Linux, too: else its address is the machine's own
    )
    os.environ["RAY_enable_metrics_collection"] = "0"  # noqa: SIM112 (Ray spells it so)
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


def _local(workers: int, environment: dict[str, str]) -> dict[str, Any]:
    return {
        "address": "local",
        "num_cpus": workers,
        "include_dashboard": False,
        "_node_ip_address": "127.0.0.1",
        "runtime_env": {"env_vars": environment},
    }


def _code(folder: Path) -> Path:
    """A copy of this package in a folder of its import name, which Ray takes from the folder."""
    package = Path(__file__).resolve().parent
    return shutil.copytree(
        package, folder / __package__.split(".")[0], ignore=shutil.ignore_patterns("__pycache__")
    )


def _cluster(address: str, environment: dict[str, str], code: Path) -> dict[str, Any]:
    if address.startswith("ray://"):
        raise SettingsError(
            f"RAY_ADDRESS is {address!r}: Ray Tune and Ray Data do not work through Ray's client; start the stage on a "
            "node of the cluster, with HOST:6379"
        )
    _check_answers(address)
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {"address": address, "runtime_env": {"env_vars": passed | environment, "py_modules": [str(code)]}}


def _check_answers(address: str) -> None:
    """Ray itself waits for minutes where nothing listens, and takes a loopback address for the machine's own."""
    import ray.util

    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return
    seen = ray.util.get_node_ip_address() if host in LOOPBACK else host
    try:
        socket.create_connection((seen.strip("[]"), int(port)), timeout=CONNECT_S).close()
    except OSError as error:
        taken = f" (for Ray: {seen})" if seen != host else ""
        raise SettingsError(
            f"RAY_ADDRESS is {address!r}{taken}, where nothing answers ({error.strerror or error}): start the cluster "
            f"with: ray start --head --node-ip-address={seen} --port={port}; or unset it, for a Ray of this machine"
        ) from None


def _refused(address: str, error: Exception) -> str:
    return (
        f"RAY_ADDRESS is {address!r}, which answers and does not let this process in ({' '.join(str(error).split())}): "
        "RAY_AUTH_MODE and RAY_AUTH_TOKEN must be what the cluster was started with, and Ray and Python of the same "
        "versions"
    )


# -- what the nodes have ---------------------------------------------------------------------------------------


def lacks(module: str) -> str:
    """What this process lacks for running a module; empty where it lacks nothing. Runs on a node."""
    try:
        importlib.import_module(module)
    except ImportError as error:
        return str(error)
    return ""


def sees(paths: Sequence[Path]) -> bool:
    """Whether all of these files exist. Runs on a node."""
    return all(path.is_file() for path in paths)


def _check_nodes(site: Site, needs: str) -> None:
    import ray

    if site.device == "cuda" and not ray.cluster_resources().get("GPU"):
        raise SettingsError(
            f"EMOFLOW_DEVICE is cuda, and the cluster at {site.address} has no GPU: start nodes with --num-gpus, or "
            "set EMOFLOW_DEVICE=cpu"
        )
    lacking = on_each_node(lacks, needs)
    without = {host: why for host, why in lacking.items() if why}
    if without:
        raise SettingsError(
            f"{len(without)} of {len(lacking)} nodes of the cluster at {site.address} lack this environment: "
            f"{listed(f'{host}: {why}' for host, why in without.items())}; install requirements.lock there"
        )


def on_each_node(ask: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Call a function on every node that may run work.

    Args:
        ask: a function of a module, which the nodes import.
        arguments: its own.

    Returns:
        ``{node: answer}``, without nodes that left the cluster before they answered.

    Raises:
        SearchError: no node answers.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(num_cpus=0, max_retries=0)(ask)
    pending = {
        f"{node['NodeManagerHostname']} ({node['NodeID'][:8]})": task.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(*arguments)
        for node in ray.nodes()
        if node["Alive"] and node["Resources"].get("CPU", 0) >= 1
    }
    answers, silent = {}, {}
    for name, answer in pending.items():
        try:
            answers[name] = ray.get(answer)
        except ray.exceptions.RayError as error:
            silent[name] = (str(error).strip().splitlines() or ["?"])[-1]
    if not answers:
        why = listed(f"{name}: {why}" for name, why in silent.items()) or "none has a CPU to offer"
        raise SearchError(f"no node of the cluster can be asked: {why}")
    return answers
