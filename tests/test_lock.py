"""One lock file, of exact versions that any machine's pip can take, and true to pyproject.toml."""

import re
import tomllib
from importlib.metadata import version

import pytest
from conftest import ROOT

LINES = [
    line
    for line in (ROOT / "requirements.lock").read_text().splitlines()
    if line and not line.startswith("#")
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DIRECT = PROJECT["dependencies"] + [
    requirement for extra in PROJECT["optional-dependencies"].values() for requirement in extra
]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


PINS = {normal(line.partition("==")[0]): line.partition("==")[2] for line in LINES}


def test_every_line_is_one_exact_version_without_label_or_hash():
    wrong = [line for line in LINES if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", line)]
    assert not wrong
    assert len(PINS) == len(LINES)


@pytest.mark.parametrize("requirement", DIRECT)
def test_a_direct_dependency_is_pinned_alike_in_both(requirement):
    name, pin = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==([0-9.]+)", requirement).groups()
    assert PINS[normal(name)] == pin


@pytest.mark.parametrize("name", ["torch", "prefect", "fastapi", "mlflow", "ray", "numpy"])
def test_what_is_installed_is_what_is_locked(name):
    assert version(name).partition("+")[0] == PINS[name]
