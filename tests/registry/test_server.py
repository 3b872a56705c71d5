"""Through an MLflow server, and past it to the same database: the same runs, versions and files."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from emoflow.errors import RegistryError
from emoflow.lineage import parse
from emoflow.registry import listing, predict, promotion, publish
from standin_experiment import POLICY, experiment

pytestmark = [pytest.mark.slow, pytest.mark.integration]

LINEAGE = "sqlite:///.emoflow/lineage.db"
SQLITE = "sqlite:///mlflow.db"


@pytest.fixture
def serve():
    """A function: a project's root and options → the address of an MLflow server on its database."""
    started = []

    def start(root: Path, *options: str) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", SQLITE, "--workers", "1"]
        command += ["--host", "127.0.0.1", "--port", str(port), *options]
        log = (root / "server.log").open("w")
        started.append(subprocess.Popen(command, cwd=root, stdout=log, stderr=log))
        address = f"http://127.0.0.1:{port}"
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=2).close()  # noqa: S310
                return address
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        raise AssertionError((root / "server.log").read_text()[-2000:])

    yield start
    for child in started:
        child.terminate()
        child.wait(30)


def test_what_the_server_shows_is_what_the_database_holds(serve, tmp_path):
    root = experiment(tmp_path / "project")
    address = serve(root, "--default-artifact-root", (root / "mlruns").as_uri(), "--no-serve-artifacts")
    first = publish.publish(root=root, tracking_uri=address, lineage_uri=LINEAGE)
    assert publish.publish(root=root, tracking_uri=SQLITE, lineage_uri=LINEAGE).run_id == first.run_id
    experiment(root, seed=1)
    second = publish.publish(root=root, tracking_uri=SQLITE, lineage_uri=LINEAGE)
    assert second.version == 2
    shown = [listing.models(root=root, tracking_uri=uri, lineage_uri=LINEAGE) for uri in (address, SQLITE)]
    assert shown[0] == shown[1]
    assert [row["version"] for row in shown[0]] == [2, 1]
    for uri in (address, SQLITE):
        found = predict.predict(
            parse(f"{first.name}/2"), text="hello", root=root, tracking_uri=uri, lineage_uri=LINEAGE
        )
        assert found["modalities_used"].tolist() == ["text"]


def test_files_that_only_a_server_can_reach(serve, tmp_path):
    root = experiment(tmp_path / "project")
    address = serve(root, "--artifacts-destination", "./elsewhere")
    first = publish.publish(root=root, tracking_uri=address, lineage_uri=LINEAGE)
    done = promotion.promote(
        first.name,
        root=root,
        tracking_uri=address,
        lineage_uri=LINEAGE,
        policy=POLICY,
        reason="through the server",
    )
    assert done.changed
    experiment(root, seed=1)
    with pytest.raises(RegistryError, match="MLFLOW_TRACKING_URI to that server's address"):
        publish.publish(root=root, tracking_uri=SQLITE, lineage_uri=LINEAGE)
