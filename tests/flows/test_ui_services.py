"""What `emoflow ui` starts and where, by the environment; and the deployment's time zone."""

import socket
import sys
from datetime import UTC, datetime

import pytest
from emoflow.errors import SettingsError
from emoflow.flows import serve
from emoflow.flows.services import Service, chosen, require_free
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
    assert services["Worker"].env == {"PREFECT_API_URL": "http://127.0.0.1:4200/api"}
    assert services["Worker"].after == {"Prefect"}


def test_ports_are_the_environments():
    services = by_name({"PREFECT_SERVER_API_PORT": "4300", "MLFLOW_PORT": "5100"})
    assert services["Prefect"].where == "http://127.0.0.1:4300"
    assert services["Worker"].env == {"PREFECT_API_URL": "http://127.0.0.1:4300/api"}
    assert (
        "127.0.0.1:5100"
        in services["MLflow"].command[services["MLflow"].command.index("--allowed-hosts") + 1]
    )


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


def test_a_server_that_dies_ends_the_others_and_says_its_last_words(tmp_path, monkeypatch):
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


def test_the_time_zone_is_this_machines(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Helsinki")
    assert serve.time_zone() == "Europe/Helsinki"
    assert by_name({})["Worker"].where.endswith("every night at 3:00 (Europe/Helsinki)")
    monkeypatch.setenv("TZ", "EET-2EEST")
    assert serve.time_zone() == "UTC"
