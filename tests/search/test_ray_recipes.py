"""The recipes of infra/ray name what the installed Ray has."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

RECIPES = ROOT / "infra/ray"
LOCKED = dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "requirements.lock").read_text(), re.MULTILINE))


def flags(text: str) -> set[str]:
    """Those given to a `ray` command, its continued lines included."""
    commands = re.findall(
        r"^[^#\n]*\bray (?:start|symmetric-run) (.*)$", text.replace("\\\n", ""), re.MULTILINE
    )
    assert commands
    return set(re.findall(r"(--[a-z][\w-]*)", " ".join(command.split(" -- ")[0] for command in commands)))


@pytest.mark.integration
@pytest.mark.parametrize("name", ["start.sh", "search.sbatch"])
def test_rays_commands_have_the_flags_used(name):
    ray = Path(sys.executable).with_name("ray")
    helped = [subprocess.check_output([ray, of, "--help"], text=True) for of in ("start", "symmetric-run")]
    known = set(re.findall(r"^ +(?:-\w, )?(--[a-z][\w-]*)", "\n".join(helped), re.MULTILINE))
    assert flags((RECIPES / name).read_text()) <= known


@pytest.mark.parametrize("name", ["start.sh", "search.sbatch"])
def test_the_scripts_can_be_parsed(name):
    subprocess.run(["bash", "-n", RECIPES / name], check=True)


def test_starting_a_node_without_a_token_is_refused(tmp_path):
    done = subprocess.run(
        [RECIPES / "start.sh", "head", "127.0.0.1"],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1 and "ray get-auth-token --generate" in done.stderr


def test_the_job_is_of_the_locked_versions():
    job = yaml.safe_load((RECIPES / "rayjob.yaml").read_text())
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["rayVersion"] == LOCKED["ray"]
    assert cluster["authOptions"] == {"mode": "token"}
    pods = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for pod in pods:
        (container,) = pod["template"]["spec"]["containers"]
        assert container["volumeMounts"] == [{"name": "work", "mountPath": "/work"}]
        assert pod["template"]["spec"]["volumes"]
    assert "FROM python:3.11-" in (RECIPES / "Dockerfile").read_text()
