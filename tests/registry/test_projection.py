"""MLflow's alias follows the ledger: with several promotions at once, and after one that was killed half-way."""

import sqlite3
import threading

import pytest
from emoflow.lineage import Store
from emoflow.registry import listing
from emoflow.registry.projection import project
from emoflow.registry.tracking import alias_of, tracking
from emoflow.registry.verification import verify

pytestmark = [pytest.mark.slow, pytest.mark.integration]

NAME = "emotion-emotion3"
URIS = {"tracking_uri": "sqlite:///mlflow.db", "lineage_uri": "sqlite:///.emoflow/lineage.db"}


@pytest.fixture
def client(tmp_path):
    """A client of a registry with two versions that have no files."""
    with tracking(URIS["tracking_uri"], root=tmp_path) as client:
        client.create_registered_model(NAME)
        for _ in range(2):
            client.create_model_version(NAME, source=tmp_path.as_uri())
        yield client


@pytest.fixture
def store(tmp_path):
    with Store(URIS["lineage_uri"], root=tmp_path) as store:
        store.move(NAME, expected=None, to=1, who="test", reason="first")
        yield store


class Paused:
    """A client that waits before it answers who holds an alias."""

    def __init__(self, client):
        self._client = client
        self.asked, self.go_on = threading.Event(), threading.Event()

    def __getattr__(self, name):
        return getattr(self._client, name)

    def get_model_version_by_alias(self, name, alias):
        self.asked.set()
        assert self.go_on.wait(60)
        return self._client.get_model_version_by_alias(name, alias)


def test_a_slow_projection_does_not_undo_a_later_one(client, store):
    slow = Paused(client)
    first = threading.Thread(target=project, args=(slow, store, NAME))
    first.start()
    assert slow.asked.wait(60)  # it has read version 1 from the ledger
    store.move(NAME, expected=1, to=2, who="test", reason="second")
    second = threading.Thread(target=project, args=(client, store, NAME))
    second.start()
    second.join(5)  # it is done, or it waits for the first
    slow.go_on.set()
    for each in (first, second):
        each.join(60)
    assert alias_of(client, NAME, "champion") == store.holder(NAME) == 2


def test_what_differs_from_the_ledger_is_shown_and_mended(client, store, tmp_path):
    def notes():
        rows = listing.models(root=tmp_path, **URIS)
        return {row["version"]: row["note"] for row in rows}

    assert notes() == {1: "the ledger says champion, MLflow's alias says nobody", 2: ""}
    client.set_registered_model_alias(NAME, "champion", "2")
    assert notes() == {
        1: "the ledger says champion, MLflow's alias says version 2",
        2: "MLflow's alias says champion, the ledger says version 1",
    }
    project(client, store, NAME)
    assert notes() == {1: "", 2: ""}
    assert alias_of(client, NAME, "champion") == 1


def test_a_ledger_that_lost_its_last_row_is_noticed(client, store, tmp_path):
    store.move(NAME, expected=1, to=2, who="test", reason="second")
    project(client, store, NAME)
    assert verify(root=tmp_path, **URIS).problems == []
    with sqlite3.connect(tmp_path / ".emoflow" / "lineage.db") as connection:
        connection.execute("DROP TRIGGER promotions_no_DELETE")
        connection.execute("DELETE FROM promotions WHERE id = 2")
    found = verify(root=tmp_path, **URIS)
    assert (found.rows, store.ledger_problems()) == (1, [])
    assert [problem.split(": ")[1] for problem in found.problems] == [
        f"the last row of the ledger that MLflow was told of ({_told(client)[:12]}) is not there",
        "by the ledger the champion is version 1, by MLflow's alias version 2",
    ]


def _told(client):
    return client.get_registered_model(NAME).tags["ledger_sha256"]


def test_a_projection_waits_for_another_no_longer_than_stated(client, store, monkeypatch):
    from emoflow.errors import LineageError
    from emoflow.lineage import tables

    monkeypatch.setattr(tables, "WAIT_S", 0.1)
    with store.projecting(), pytest.raises(LineageError, match="another process"):
        project(client, store, NAME)
