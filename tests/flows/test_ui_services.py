"""What `emoflow ui` starts and where, by the environment; and the deployment's time zone."""

import socket
import sys
import time
from datetime import UTC, datetime

import psutil
import pytest
from emoflow.errors import SettingsError
from emoflow.flows import serve, supervise
from emoflow.flows.services import Service, chosen, require_free
from emoflow.flows.supervise import Supervisor
from emoflow.flows.ui import keep

SQLITE = "sqlite:///mlflow.db"


def by_name(environment, tracking_uri=SQLITE):
    return {service.name: service for service in chosen(environment, tracking_uri)}


def test_all_of_them_on_loopback_by_default():
    services = by_name({})
    assert list(services) == ["Prefect", "MLflow", "Worker"]
    for name, port in (("Prefect", "4200"), ("MLflow", "5000")):
        command = services[name].command
        assert command[command.index("--host") + 1] == "127.0.0.1"
        assert command[command.index("--port") + 1] == port
    assert services["Worker"].env["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"
    assert services["Worker"].after == {"Prefect"}


def test_ports_are_the_environments():
    services = by_name({"PREFECT_SERVER_API_PORT": "4300", "MLFLOW_PORT": "5100"})
    assert services["Prefect"].where == "http://127.0.0.1:4300"
    assert services["Worker"].env["PREFECT_API_URL"] == "http://127.0.0.1:4300/api"


def test_prefects_login_is_new_at_each_start_unless_it_is_set():
    logins = set()
    for _ in range(2):
        services = by_name({})
        login = services["Prefect"].env["PREFECT_SERVER_API_AUTH_STRING"]
        assert services["Worker"].env["PREFECT_API_AUTH_STRING"] == login
        logins.add(login)
    assert len(logins) == 2 and all(len(login) > 32 for login in logins)
    mine = by_name({"PREFECT_API_AUTH_STRING": "lab:quiet"})
    assert mine["Prefect"].env["PREFECT_SERVER_API_AUTH_STRING"] == "lab:quiet"


def test_the_address_of_the_database_is_not_on_the_command_line():
    service = by_name({}, "postgresql://mlflow:secret@db.example/mlflow")["MLflow"]
    assert "secret" not in " ".join(service.command)
    assert service.env["MLFLOW_BACKEND_STORE_URI"] == "postgresql://mlflow:secret@db.example/mlflow"


def test_what_is_elsewhere_is_not_started():
    services = by_name({"PREFECT_API_URL": "https://prefect.example/api"}, "https://mlflow.example")
    assert list(services) == ["Worker"]
    assert services["Worker"].env == {"PREFECT_API_URL": "https://prefect.example/api"}
    assert not services["Worker"].after


@pytest.mark.parametrize("said", ["zero", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(said):
    with pytest.raises(SettingsError, match=f"MLFLOW_PORT is '{said}'"):
        chosen({"MLFLOW_PORT": said}, SQLITE)


def test_a_busy_port_is_named_with_how_to_choose_another():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        service = by_name({"MLFLOW_PORT": str(port)})["MLflow"]
        with pytest.raises(SettingsError) as refusal:
            require_free(service)
    assert f"port {port}" in str(refusal.value)
    assert f"MLFLOW_PORT={port + 1} emoflow ui" in str(refusal.value)
    require_free(service)


def test_nothing_answers_where_nothing_runs():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        service = by_name({"MLFLOW_PORT": str(probe.getsockname()[1])})["MLflow"]
    assert not service.ready(datetime.now(UTC))


def test_a_server_that_does_not_start_ends_the_others_and_says_its_last_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nobody = "http://127.0.0.1:9/health"
    lasting = Service(
        "Lasting", [sys.executable, "-c", "import time; time.sleep(600)"], health=nobody, where=""
    )
    dying = Service(
        "Dying", [sys.executable, "-c", "import sys; sys.exit('no database')"], health=nobody, where=""
    )
    with pytest.raises(SettingsError, match=r"(?s)Dying ended with status 1.*dying\.log.*no database"):
        keep([lasting, dying])


@pytest.mark.slow
def test_one_that_dies_later_is_started_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    web = Service(
        "Web",
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
        health=f"http://127.0.0.1:{port}/",
        where="",
    )
    said: list[str] = []
    supervisor = Supervisor([web], str(tmp_path), said.append)
    try:
        supervisor.start()
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(supervise.time, "sleep", _kill_then_wait_for("is ready again", port, said))
            supervisor.keep()
    finally:
        supervisor.end()
    assert [line for line in said if "is started again in 1 s" in line]
    assert (tmp_path / web.log).read_text().count("--- started") == 2


def test_the_time_zone_is_this_machines(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Helsinki")
    assert serve.time_zone() == "Europe/Helsinki"
    assert by_name({})["Worker"].where.endswith("every night at 3:00 (Europe/Helsinki)")
    monkeypatch.setenv("TZ", "EET-2EEST")
    assert serve.time_zone() == "UTC"


def _kill_then_wait_for(words, port, said):
    """What stands in for a pause: kills the server in the first, and ends the wait once ``words`` are said."""
    sleep, killed = time.sleep, []

    def pause(seconds):
        if not killed:
            [listening] = [
                each for each in psutil.net_connections("tcp") if each.laddr.port == port and each.pid
            ]
            psutil.Process(listening.pid).kill()
            killed.append(listening.pid)
        elif any(words in line for line in said):
            raise KeyboardInterrupt
        sleep(seconds / 10)

    return pause
