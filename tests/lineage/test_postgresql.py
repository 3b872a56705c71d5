"""The lineage store on a real PostgreSQL, started for the test as an unprivileged user."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from conftest import absent
from test_lineage_store import CHECKS, check_the_facts, check_the_ledger

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server():
    """The folder of a server's socket; ``database(name)`` makes a URI."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        absent("postgresql", "no PostgreSQL here: apt-get install postgresql, or put initdb on PATH")
    binaries = found[-1] if found else Path(on_path).resolve().parent
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path has to be short
    user = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "nobody")
        user = {"user": "nobody"}

    def run(program: str, *arguments: str) -> None:
        command = [str(binaries / program), *arguments]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=120, **user
        )
        assert done.returncode == 0, f"{program}: {done.stdout} {done.stderr}"

    data = str(folder / "data")
    run("initdb", "-D", data, "-U", "emoflow", "--auth=trust", "--no-sync", "-E", "UTF8")
    run(
        "pg_ctl",
        "-D",
        data,
        "-w",
        "-l",
        str(folder / "log"),
        "-o",
        f"-k {folder} -c listen_addresses=''",
        "start",
    )
    try:
        yield lambda name: (
            run("createdb", "-h", str(folder), "-U", "emoflow", name),
            f"postgresql://emoflow@/{name}?host={folder}",
        )[1]
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


def test_one_of_several_processes_wins_on_postgresql(server):
    check_the_ledger(server("ledger"))


def test_facts_are_kept_once_on_postgresql(server):
    check_the_facts(server("facts"))


@pytest.mark.parametrize("check", CHECKS, ids=lambda each: each.__name__)
def test_on_postgresql(server, check):
    check(server(check.__name__))
