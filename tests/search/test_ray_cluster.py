"""A cluster that cannot be used is told apart before Ray waits for it."""

import socket
import sys

import pytest
from emoflow.errors import SettingsError
from emoflow.ray_cluster import Site, joined, lacks


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def join(address: str) -> None:
    with joined(Site(1, "cpu", address=address), {}, needs="emoflow.search.cohorts"):
        raise AssertionError(f"joined {address}")


def test_where_nothing_answers_the_address_is_named(closed_port):
    with pytest.raises(
        SettingsError, match=rf"127\.0\.0\.2:{closed_port}.*nothing answers.*ray start --head"
    ):
        join(f"127.0.0.2:{closed_port}")


def test_loopback_is_told_as_ray_takes_it(closed_port, monkeypatch):
    monkeypatch.setattr("ray.util.get_node_ip_address", lambda: "127.0.0.3")
    with pytest.raises(SettingsError, match=r"for Ray: 127\.0\.0\.3.*--node-ip-address=127\.0\.0\.3"):
        join(f"localhost:{closed_port}")


def test_a_machine_too_busy_for_ray_is_told_from_other_failures(monkeypatch):
    def init(**_):
        raise Exception(said)

    monkeypatch.setattr("ray.init", init)
    monkeypatch.setattr("emoflow.ray_cluster._stay_local", lambda: None)  # it would outlive the test
    said = "The current node timed out during startup. This could happen because …"
    with (
        pytest.raises(SettingsError, match=r"did not start within 30 s.*run the same command again"),
        joined(Site(1, "cpu"), {}, needs="emoflow.search.cohorts"),
    ):
        pass
    said = "something else"
    with (
        pytest.raises(Exception, match="something else"),
        joined(Site(1, "cpu"), {}, needs="emoflow.search.cohorts"),
    ):
        pass


def test_ray_client_is_no_way_in():
    with pytest.raises(SettingsError, match="do not work through Ray's client"):
        join("ray://127.0.0.1:10001")


def test_a_process_says_what_it_lacks_for_a_cohort(monkeypatch):
    assert lacks("emoflow.search.cohorts") == ""
    monkeypatch.delitem(sys.modules, "emoflow.search.cohorts")
    monkeypatch.setitem(sys.modules, "emoflow.search.cohort", None)
    assert "emoflow.search.cohort" in lacks("emoflow.search.cohorts")


@pytest.mark.parametrize(("device", "gpu"), [("cpu", 0), ("cuda", 0.25)])
def test_a_cohort_asks_for_its_share_of_a_gpu(device, gpu):
    assert Site(8, device).resources == {"cpu": 1, "gpu": gpu}
    assert Site(8, device, processes_per_gpu=1).resources["gpu"] == (device == "cuda")
