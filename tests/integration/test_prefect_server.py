"""A real Prefect server and worker, as `emoflow ui` starts them: runs asked for, finished, cancelled, killed."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest
from emoflow.flows import serve

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.integration

DVC_YAML = """
stages:
  first:
    cmd: python -c "open('first.txt', 'w').write('1')"
    outs: [first.txt]
  work:
    matrix:
      corpus: ${corpora}
    cmd: python work.py ${item.corpus}
    params: [mood]
    deps: [first.txt, work.py]
    outs: ["${item.corpus}.txt"]
"""

WORK = """
    import os, subprocess, sys, time
    mood = [line.split()[1] for line in open("params.yaml") if line.startswith("mood")][0]
    if mood == "bad":
        sys.exit("error: the mood is bad: set another in params.yaml")
    if mood == "slow":
        deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(900)"
        child = subprocess.Popen([sys.executable, "-c", deaf])
        away = subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True)
        with open("pids.part", "w") as file:
            print(os.getppid(), os.getpid(), child.pid, away.pid, file=file)
        os.rename("pids.part", "pids")
        time.sleep(900)
    print("in a mood that is", mood)
    open(f"{sys.argv[1]}.txt", "w").write(mood)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


LOGIN = "lab:quiet"


class Api:
    """Prefect's REST API, as the UI in a browser speaks it: with the login, and a token for each that changes."""

    def __init__(self, url: str):
        self.url = url
        self.headers = {"Authorization": f"Basic {base64.b64encode(LOGIN.encode()).decode()}"}

    def __call__(self, path: str, body: dict | None = None, method: str | None = None):
        headers = {**self.headers, "Content-Type": "application/json"}
        if body is not None:
            token = self("csrf-token?client=test")["token"]
            headers |= {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "test"}
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers=headers,
            method=method,
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        until = time.monotonic() + 30
        while True:
            try:
                with opener.open(request, timeout=30) as answer:
                    return json.loads(answer.read() or "null")
            except urllib.error.HTTPError as error:  # 503: its SQLite is busy, ask again
                if error.code != 503 or time.monotonic() > until:
                    raise
            time.sleep(0.5)

    def start(self, **parameters) -> str:
        deployment = self("deployments/name/experiment/nightly")
        run = self(f"deployments/{deployment['id']}/create_flow_run", {"parameters": parameters})
        return run["id"]

    def state(self, run: str) -> dict:
        return self(f"flow_runs/{run}")["state"]

    def wait(self, run: str, *kinds: str, within_s: float = 120) -> dict:
        until = time.monotonic() + within_s
        while (state := self.state(run))["type"] not in kinds:
            assert time.monotonic() < until, f"still {state}"
            time.sleep(0.3)
        return state

    def tasks(self, run: str, *expected: str) -> dict[str, dict]:
        """The states of the run's tasks by name, in their order; waits for the server to have heard of them all."""
        asked = {"flow_runs": {"id": {"any_": [run]}}, "sort": "EXPECTED_START_TIME_ASC"}
        until = time.monotonic() + 30
        while True:
            found = {each["name"]: each["state"] for each in self("task_runs/filter", asked)}
            over = all(
                state and state["type"] in ("COMPLETED", "FAILED", "CRASHED") for state in found.values()
            )
            if (over and list(found) == list(expected)) or time.monotonic() > until:
                assert list(found) == list(expected)
                return found
            time.sleep(0.2)

    def wait_logged(self, run: str, words: str, within_s: float = 60) -> None:
        """Logs reach the server in batches, some seconds after they are written."""
        until = time.monotonic() + within_s
        while words not in self.logs(run):
            assert time.monotonic() < until, self.logs(run)
            time.sleep(0.5)

    def logs(self, run: str) -> str:
        found = self("logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC"})
        return "\n".join(each["message"] for each in found)


class Project:
    """A workspace of two stages, and `python -m emoflow.flows.ui` running in it."""

    def __init__(self, root: Path):
        self.root = root
        (root / "dvc.yaml").write_text(DVC_YAML)
        (root / "work.py").write_text(textwrap.dedent(WORK))
        self.mood("good")
        for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
            subprocess.run(command, cwd=root, check=True)
        port = free_port()
        self.api = Api(f"http://127.0.0.1:{port}/api")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
            "PREFECT_HOME": str(root / ".emoflow" / "prefect"),
            "PREFECT_SERVER_API_PORT": str(port),
            "PREFECT_API_AUTH_STRING": LOGIN,
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",
            "MLFLOW_TRACKING_URI": "http://127.0.0.1:1",  # elsewhere: so none is started
            "PYTHONPATH": str(ROOT),
        }
        self.said = root / "ui.log"
        with self.said.open("w") as said:
            self.ui = subprocess.Popen(
                [sys.executable, "-u", "-m", "emoflow.flows.ui"],
                cwd=root,
                env=self.environment,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.wait_said("Worker is ready")

    def mood(self, mood: str) -> None:
        (self.root / "params.yaml").write_text(f"corpora: [a, b]\nmood: {mood}\n")

    def wait_said(self, words: str, within_s: float = 300) -> None:
        until = time.monotonic() + within_s
        while words not in self.said.read_text():
            assert self.ui.poll() is None and time.monotonic() < until, self.said.read_text()
            time.sleep(0.3)

    def slow_run(self) -> tuple[str, list[int]]:
        """A run that hangs in `work@a`, and the ids of dvc's shell, the stage and its two deaf children."""
        (self.root / "pids").unlink(missing_ok=True)
        self.mood("slow")
        run = self.api.start(until="stages")
        until = time.monotonic() + 120
        while not (self.root / "pids").exists():
            assert time.monotonic() < until, self.api.logs(run)
            time.sleep(0.2)
        pids = [int(word) for word in (self.root / "pids").read_text().split()]
        assert all(map(running, pids))
        return run, pids

    def family(self) -> list[int]:
        """Every process that holds on to this workspace, the launcher included."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("PREFECT_HOME") == self.environment["PREFECT_HOME"] and running(
                    process.pid
                ):
                    found.append(process.pid)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found


def running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def assert_gone(pids: list[int], within_s: float = 60) -> None:
    until = time.monotonic() + within_s
    while any(map(running, pids)) and time.monotonic() < until:
        time.sleep(0.2)
    left = [psutil.Process(pid).cmdline() for pid in pids if running(pid)]
    assert not left


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("workspace"))
    yield project
    if project.ui.poll() is None:
        project.ui.send_signal(signal.SIGINT)
    project.ui.wait(60)
    for pid in project.family():
        psutil.Process(pid).kill()


def test_a_run_asked_for_through_the_api_has_one_task_a_stage(project):
    project.mood("good")
    run = project.api.start(until="stages")
    state = project.api.wait(run, "COMPLETED", "FAILED", "CRASHED")
    assert (state["type"], state["message"]) == ("COMPLETED", "3 of 3 stages ran"), project.api.logs(run)
    assert project.api(f"flow_runs/{run}")["name"] == project.root.name  # its params.yaml names no corpora
    deployment = project.api("deployments/name/experiment/nightly")
    assert f"every night at 3:00 ({serve.time_zone()})" in deployment["description"]
    assert deployment["schedules"][0]["schedule"]["timezone"] == serve.time_zone()
    other = project.api("deployments/name/pretraining/when-asked")
    assert other["schedules"] == [] and "objective" in other["parameter_openapi_schema"]["properties"]
    tasks = project.api.tasks(run, "first", "work@a", "work@b")
    assert {each["type"] for each in tasks.values()} == {"COMPLETED"}
    assert "ran in" in tasks["work@a"]["message"]
    project.api.wait_logged(run, "in a mood that is good")
    assert (project.root / "b.txt").read_text() == "good"

    again = project.api.start(until="stages")
    assert project.api.wait(again, "COMPLETED", "FAILED", "CRASHED")["message"] == "0 of 3 stages ran"
    assert {each["name"] for each in project.api.tasks(again, "first", "work@a", "work@b").values()} == {
        "Unchanged"
    }

    artifact = project.api(
        "artifacts/filter", {"artifacts": {"key": {"any_": ["experiment"]}}, "sort": "CREATED_DESC"}
    )
    assert [each["flow_run_id"] for each in artifact] == [again, run]
    assert "| work@b | unchanged |" in artifact[0]["data"]
    assert "| first | ran |" in artifact[1]["data"]
    assert "never ran here" in artifact[1]["data"]


def test_a_failed_stage_fails_its_task_with_its_own_words(project):
    project.mood("bad")
    run = project.api.start(until="stages")
    state = project.api.wait(run, "COMPLETED", "FAILED", "CRASHED")
    tasks = project.api.tasks(run, "first", "work@a")
    for failed in (state, tasks["work@a"]):
        assert failed["type"] == "FAILED"
        assert "error: the mood is bad: set another in params.yaml" in failed["message"]


def test_cancelling_leaves_no_process_behind(project):
    run, pids = project.slow_run()
    asked = project.api(f"flow_runs/{run}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
    assert asked["status"] == "ACCEPT"
    project.api.wait(run, "CANCELLED", within_s=90)
    assert_gone(pids)

    project.mood("good")
    after = project.api.start(until="stages")
    assert project.api.wait(after, "COMPLETED", "FAILED", "CRASHED")["type"] == "COMPLETED"


def test_a_run_killed_outright_leaves_no_process_behind(project):
    run, pids = project.slow_run()
    above = psutil.Process(pids[1]).parents()
    worker = next(n for n, each in enumerate(above) if "emoflow.flows.serve" in each.cmdline())
    above[worker - 1].kill()  # the process that the flow itself runs in
    assert project.api.wait(run, "CRASHED", within_s=90)
    assert_gone(pids)


def test_a_scheduled_run_appears_and_starts(project):
    project.mood("good")
    deployment = project.api("deployments/name/experiment/nightly")
    scheduled = {
        "deployments": {"id": {"any_": [deployment["id"]]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
        "sort": "NEXT_SCHEDULED_START_TIME_ASC",
    }
    planned = project.api("flow_runs/filter", scheduled)
    assert planned, "no run is scheduled; prefect.log says why"
    project.wait_said("The schedule runs next on")
    assert f"{datetime.fromisoformat(planned[0]['next_scheduled_start_time']).astimezone():%H:%M}" == "03:00"

    schedule = f"deployments/{deployment['id']}/schedules/{deployment['schedules'][0]['id']}"
    often = {"interval": 20, "anchor_date": "2026-01-01T00:00:00Z", "timezone": "UTC"}
    project.api(schedule, {"schedule": often, "parameters": {"until": "stages"}}, method="PATCH")
    until = time.monotonic() + 120
    while datetime.fromisoformat(planned[0]["next_scheduled_start_time"]) - datetime.now(UTC) > timedelta(
        minutes=1
    ):
        assert time.monotonic() < until, planned
        time.sleep(0.5)
        planned = project.api("flow_runs/filter", scheduled) or planned
    state = project.api.wait(planned[0]["id"], "COMPLETED", "FAILED", "CRASHED")
    assert state["type"] == "COMPLETED", project.api.logs(planned[0]["id"])
    project.api(schedule, {"active": False}, method="PATCH")


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "http://127.0.0.1:1"}, {}],
    ids=["another host", "another origin", "another local port", "no token"],
)
@pytest.mark.parametrize("path", ["flow_runs/filter", "deployments/filter", "variables/"])
def test_other_pages_cannot_use_the_api(project, headers, path):
    with httpx.Client(trust_env=False, headers={**project.api.headers, **headers}) as client:
        answer = client.post(f"{project.api.url}/{path}", json={"name": "x", "value": "y"})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_the_api_asks_for_the_login(project):
    with httpx.Client(trust_env=False) as client:
        answer = client.get(f"{project.api.url}/deployments/name/experiment/nightly")
    assert answer.status_code == 401


def test_no_login_is_in_the_process_list_or_a_file(project):
    commands = " ".join(" ".join(psutil.Process(pid).cmdline()) for pid in project.family())
    assert "quiet" not in commands
    for path in [*(project.root / ".emoflow").rglob("*.log"), project.said]:
        assert "quiet" not in path.read_text()


def test_a_server_that_dies_is_started_again_and_keeps_its_log(project):
    [server] = [
        pid for pid in project.family() if "emoflow.flows.guards:prefect" in psutil.Process(pid).cmdline()
    ]
    before = (project.root / ".emoflow" / "logs" / "prefect.log").read_text()
    psutil.Process(server).kill()
    project.wait_said("Prefect ended with status -9 and is started again in 1 s")
    project.wait_said("Prefect is ready again")
    log = (project.root / ".emoflow" / "logs" / "prefect.log").read_text()
    assert log.startswith(before) and log.count("--- started") == 2
    assert project.ui.poll() is None


def test_a_run_whose_worker_died_is_closed_by_the_next_worker(project):
    run, pids = project.slow_run()
    above = psutil.Process(pids[1]).parents()
    worker = next(n for n, each in enumerate(above) if "emoflow.flows.serve" in each.cmdline())
    # The worker, then the flow's process: a worker that lives reports that the process has ended.
    for process in reversed(above[worker - 1 : worker + 1]):
        process.kill()
    project.wait_said("Worker is ready again")
    state = project.api.wait(run, "CRASHED", within_s=30)
    assert state["message"] == "the worker that ran it has ended"
    assert_gone(pids)


def test_a_second_one_in_the_same_workspace_is_refused(project):
    done = subprocess.run(
        [sys.executable, "-m", "emoflow.flows.ui"],
        cwd=project.root,
        env=project.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "already runs in this workspace" in done.stderr


def test_ctrl_c_ends_servers_worker_and_the_run_in_flight(project):
    _, pids = project.slow_run()
    family = project.family()
    assert len(family) >= 6
    project.ui.send_signal(signal.SIGINT)
    assert project.ui.wait(90) == 0
    assert_gone([*pids, *family])
    assert project.said.read_text().splitlines()[-1] == "all ended"
