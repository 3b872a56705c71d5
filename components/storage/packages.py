"""Wheels of the package registry that pip is configured for, downloaded; nothing of them is installed or run."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version as version_of
from pathlib import Path

from ..errors import DownloadError
from ..process import end_group
from ..progress import track_bytes

RETRIES = 2
"""How often pip asks again where the registry does not answer."""
CHUNK = 1 << 20
PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
"""What pip's raw progress bar prints."""
RAW_SINCE = (24, 1)
"""The version of pip that has one; the pip that a new environment of Python 3.11 has may be older."""


def download(packages: Mapping[str, str], folder: Path) -> list[Path]:
    """Download wheels with pip, under the index that pip is configured for.

    Only wheels are taken, so nothing of a package is run; its dependencies are left out.

    Args:
        packages: name → exact version.
        folder: an existing folder for the wheels.

    Returns:
        The wheels, in the order of ``packages``.

    Raises:
        DownloadError: pip is not installed, or cannot get a package; holds pip's reason.
    """
    if importlib.util.find_spec("pip") is None:
        raise DownloadError(f"pip is not installed beside {sys.executable}: python -m ensurepip")
    return [_download(name, version, folder / name) for name, version in packages.items()]


def _download(name: str, version: str, folder: Path) -> Path:
    """One wheel, with pip's progress."""
    options = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
    bar = "raw" if tuple(map(int, version_of("pip").split(".")[:2])) >= RAW_SINCE else "off"
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        *options,
        f"--progress-bar={bar}",
        f"--retries={RETRIES}",
    ]
    child = subprocess.Popen(
        [*command, "--dest", str(folder), f"{name}=={version}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    said: list[str] = []
    try:
        with child.stdout:
            for line in child.stdout:
                if (shown := PROGRESS.match(line)) and int(shown[2]) > CHUNK:
                    track_bytes(_positions(child.stdout, said), total=int(shown[2]), what=name)
                said.append(line.strip())
        status = child.wait()
    except BaseException:
        end_group(child)
        raise
    wheels = sorted(folder.glob("*.whl"))
    if status or len(wheels) != 1:
        shutil.rmtree(folder, ignore_errors=True)
        raise DownloadError(f"pip cannot download {name} {version}: {_reason(said)}")
    return wheels[0]


def _positions(lines: Iterable[str], said: list[str]) -> Iterator[int]:
    """How many bytes pip says to have; what else it says goes to ``said``."""
    for line in lines:
        if shown := PROGRESS.match(line):
            yield int(shown[1])
        else:
            said.append(line.strip())


def _reason(said: Sequence[str]) -> str:
    """Why pip failed, of all that it said."""
    if any("connection broken by" in line for line in said):
        return "the package registry is not reachable"
    errors = [line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR: ")]
    return (errors or [*said, "it says nothing"])[-1]
