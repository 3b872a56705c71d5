"""The MLflow server as `emoflow ui` starts it shows what runs without a server have left, to this machine alone."""

import json
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime

import httpx
import pytest
from emoflow.flows import links
from emoflow.flows.services import HOST, chosen
from emoflow.process import end_group
from emoflow.registry.publish import Published

pytestmark = pytest.mark.integration

PUBLISH = """
import mlflow
from pathlib import Path

root = Path.cwd()
mlflow.set_tracking_uri("sqlite:///mlflow.db")
client = mlflow.MlflowClient()
experiment = client.create_experiment("emotion", (root / "mlruns" / "emotion").as_uri())
run = client.create_run(experiment)
client.log_text(run.info.run_id, "seventy percent", "report/said.txt")
client.create_registered_model("emotion-emotion7")
print(run.info.run_id)
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> tuple[str, str]:
    """The address of the server over a workspace's own store, and the id of the run in there."""
    root = tmp_path_factory.mktemp("workspace")
    done = subprocess.run(
        [sys.executable, "-c", PUBLISH], cwd=root, check=True, capture_output=True, text=True, timeout=300
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    before = os.getcwd()  # noqa: PTH109
    os.chdir(root)
    try:
        [service] = [
            each
            for each in chosen({"MLFLOW_PORT": str(port)}, "sqlite:///mlflow.db")
            if each.name == "MLflow"
        ]
    finally:
        os.chdir(before)
    began = datetime.now(UTC)
    with (root / "log").open("w") as log:
        child = subprocess.Popen(
            service.command,
            cwd=root,
            env={**os.environ, **service.env},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until = time.monotonic() + 240
        while not service.ready(began):
            assert child.poll() is None and time.monotonic() < until, (root / "log").read_text()
            time.sleep(0.5)
        yield f"http://{HOST}:{port}", done.stdout.split()[-1]
    finally:
        end_group(child)


def fetched(url: str) -> bytes:
    """The body of an answer, however long a busy machine takes for it."""
    with httpx.Client(trust_env=False, timeout=120) as client:
        return client.get(url).raise_for_status().content


def test_runs_models_and_files_made_without_it_are_there(shown):
    address, run = shown
    assert b"emotion-emotion7" in fetched(f"{address}/api/2.0/mlflow/registered-models/search")
    assert run.encode() in fetched(f"{address}/api/2.0/mlflow/runs/get?run_id={run}")
    assert fetched(f"{address}/get-artifact?path=report/said.txt&run_uuid={run}") == b"seventy percent"


def test_a_flow_run_links_to_its_run_and_experiment(shown, monkeypatch):
    address, run = shown
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    answer = json.loads(fetched(f"{address}/api/2.0/mlflow/runs/get?run_id={run}"))
    page = f"{address}/#/experiments/{answer['run']['info']['experiment_id']}"
    line = links.found(Published(run, "emotion-emotion7", 1, False, True))[-1]
    assert f"]({page}/runs/{run})" in line and f"]({page}/runs)" in line


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "http://localhost:1"}],
    ids=["another host", "another origin", "another local port"],
)
def test_other_pages_are_refused(shown, headers):
    address, run = shown
    with httpx.Client(trust_env=False, timeout=120, headers=headers) as client:
        made = client.post(f"{address}/api/2.0/mlflow/experiments/create", json={"name": "theirs"})
        read = client.get(f"{address}/api/2.0/mlflow/runs/get?run_id={run}")
    assert (made.status_code, read.status_code) == (403, 403)


def test_the_page_itself_may_write(shown):
    address, _ = shown
    with httpx.Client(trust_env=False, timeout=120, headers={"Origin": address}) as client:
        made = client.post(f"{address}/api/2.0/mlflow/experiments/create", json={"name": "mine"})
    assert made.status_code == 200
