"""A virtual environment with what a requirements file asks for and nothing else, linked instead of unpacked."""

import json
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

from conftest import ROOT


def make(folder: Path, requirements: Path) -> Path:
    """Make the environment in ``folder`` and return its interpreter.

    pip resolves the requirements, at the locked versions, as for an installation. Each file of the packages that it
    would install is then a link to the file of the same package here, so that the gigabyte of torch is not unpacked
    a second time.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for name, version in resolved(requirements):
        installed = distribution(name)
        assert installed.version.partition("+")[0] == version.partition("+")[0], name
        for file in installed.files:
            if ".." in file.parts or file.suffix == ".pyc" or (site / file).exists():
                continue  # commands; compiled files; what two packages share, as mlflow and mlflow-skinny do
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            (site / file).symlink_to(Path(file.locate()).absolute())
    return folder / "bin" / "python"


def resolved(requirements: Path) -> list[tuple[str, str]]:
    """The packages that pip would install, by name and version."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    command += ["--report", "-", "--constraint", ROOT / "requirements.lock", "--requirement", requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [each["metadata"] for each in json.loads(done.stdout)["install"]]
    return [(each["name"], each["version"]) for each in found]
