"""The wheel, installed where no clone is: `emoflow init` lays out a workspace, and the pipeline runs in it."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.integration]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder of commands of a virtual environment that has the wheel, and the other packages of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT], check=True)
    environment = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    (wheel,) = folder.glob("emoflow-*.whl")
    subprocess.run([*pip, "--python", python, "install", "--no-deps", wheel], check=True)
    (packages,) = environment.glob("lib/*/site-packages")
    (packages / "others.pth").write_text(
        sysconfig.get_path("purelib")
    )  # its .pth files, so the clone, are not followed
    for tool in ("dvc", "dvc-s3"):
        script = Path(sys.executable).parent / tool
        if script.is_file():
            _, _, body = script.read_text().partition("\n")
            (environment / "bin" / tool).write_text(f"#!{python}\n{body}")
            (environment / "bin" / tool).chmod(0o755)
    return environment / "bin"


def run(installed: Path, root: Path, *command: str) -> str:
    environment = os.environ | {"PATH": f"{installed}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def test_a_workspace_outside_a_clone(installed, tmp_path):
    where = run(installed, tmp_path, "python", "-c", "import emoflow; print(emoflow.__file__)")
    assert Path(where.strip()).is_relative_to(installed.parent)
    said = run(installed, tmp_path, "emoflow", "init", "emotions")
    assert "dvc.yaml" in said and "git commit" in said
    root = tmp_path / "emotions"
    for key, value in (("user.name", "tests"), ("user.email", "tests@localhost")):
        run(installed, root, "git", "config", key, value)
    run(installed, root, "emoflow", "corpora", "synthesise", "control", "--speakers", "4", "--clips", "1")
    run(installed, root, "git", "add", ".")
    run(installed, root, "git", "commit", "-qm", "start")
    run(installed, root, "dvc", "repro", "folds")
    assert (root / "data" / "folds.parquet").is_file()
    lock = yaml.safe_load((root / "dvc.lock").read_text())["stages"]["folds"]
    code = yaml.safe_load((root / "code.yaml").read_text())
    assert lock["params"]["code.yaml"] == {"stages.folds": code["stages"]["folds"]}
    assert not [dep for dep in lock["deps"] if "components" in dep["path"]]
    assert "didn't change" in run(installed, root, "dvc", "repro", "folds")
