"""The files of a new workspace: ``emoflow init`` lays them out.

params.yaml, dvc.yaml, dvcignore and gitignore beside this module are those at the top of the repository, and
pretraining_dvc.yaml and pretraining_params.yaml those in pretrain/ (by links).
In a clone, dvc.yaml's stages depend on the source files; a workspace has none, so that there they depend on
``code.yaml``, which holds a digest of each stage's installed code.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ..files import tree_digest

PACKAGE = Path(__file__).resolve().parents[1]
TEMPLATES = Path(__file__).parent
CODE = "code.yaml"
SOURCES = "components/"
_DEP = re.compile(rf"^ +- {SOURCES}\S+\n", re.MULTILINE)
_NO_DEPS = re.compile(r"^    deps:\n(?!      - )", re.MULTILINE)
_PARAMS = re.compile(r"^    params: \[(?P<keys>[^\]]*)\]$")
PIPELINES = {"dvc.yaml": "dvc.yaml", "pretrain/dvc.yaml": "pretraining_dvc.yaml"}
"""Each pipeline of a workspace, and its template."""


def text(name: str) -> str:
    """A template's text."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


@cache
def stages() -> dict[str, dict[str, Any]]:
    """The stages of all pipelines."""
    return {
        name: stage
        for source in PIPELINES.values()
        for name, stage in yaml.safe_load(text(source))["stages"].items()
    }


def code_digest(stage: str, package: Path = PACKAGE) -> str:
    """The SHA-256 of the source files that a stage depends on, wherever the package lies."""
    deps = [dep.removeprefix(SOURCES) for dep in stages()[stage]["deps"] if dep.startswith(SOURCES)]
    return tree_digest([package / dep for dep in deps])


def code_yaml(version: str) -> str:
    """``code.yaml`` of a workspace: the version of emoflow, and the digest of each stage's code."""
    head = (
        "# The code that this workspace's results are computed with; dvc.yaml's stages depend on it.\n"
        "# Written by `emoflow init`. After another version was installed: emoflow init --upgrade .\n"
    )
    return head + yaml.safe_dump(
        {"emoflow": version, "stages": {stage: code_digest(stage) for stage in stages()}}, sort_keys=False
    )


def dvc_yaml(pipeline: str = "dvc.yaml") -> str:
    """A pipeline of a workspace: as in a clone, with ``code.yaml`` in place of the source files.

    Args:
        pipeline: a key of ``PIPELINES``.
    """
    without = _NO_DEPS.sub("", _DEP.sub("", text(PIPELINES[pipeline])))
    return "\n".join(_with_code(without.splitlines())) + "\n"


def _with_code(lines: list[str]) -> Iterator[str]:
    stage = ""
    for line in lines:
        if found := re.match(r"^  ([\w-]+):$", line):
            stage = found[1]
        code = f"      - {CODE}: [stages.{stage}]"
        if found := _PARAMS.match(line):
            yield "    params:"
            yield from (f"      - {key.strip()}" for key in found["keys"].split(","))
            yield code
        elif line == "    params:":
            yield line
            yield code
        else:
            yield line
