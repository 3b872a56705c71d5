"""A Ray of our own: what it listens on, and whom it lets in."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

LISTENING = """
import json, os, psutil
from emoflow.ray_cluster import Site, joined

with joined(Site(workers=1, device="cpu"), {}, needs="emoflow.search.cohorts"):
    import ray

    assert ray.get(ray.remote(lambda: 3).remote()) == 3
    family = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
    found = [each.laddr.ip for each in psutil.net_connections("tcp") if each.status == "LISTEN" and each.pid in family]
    address = ray.get_runtime_context().gcs_address
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH_")}
    intruder = "import ray; ray.init(%r, logging_level='ERROR')" % address
    import subprocess, sys
    command = [sys.executable, "-c", intruder]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
print(json.dumps({"addresses": found, "intruder": done.returncode, "why": done.stderr[-2000:]}))
"""


def test_it_listens_on_loopback_alone_and_asks_for_a_token(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LISTENING],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["addresses"]
    assert {each.removeprefix("::ffff:") for each in found["addresses"]} == {"127.0.0.1"}
    assert found["intruder"] != 0 and "auth" in found["why"].lower()
