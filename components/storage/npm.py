"""Packages of the registry that npm is configured for, downloaded as tarballs; nothing of them is installed or run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from ..errors import DownloadError
from ..process import run_group

RETRIES = 2
"""How often npm asks again where the registry does not answer, and for how long it waits before that at most."""
WAIT_MS = 2_000
UNREACHABLE = ("ECONNREFUSED", "ENOTFOUND", "ETIMEDOUT", "ERR_SOCKET_TIMEOUT", "EAI_AGAIN", "ENOTCACHED")
PREFIX = re.compile(r"^(notarget|\d{3}) *")
"""Of a line that says why."""


def download(packages: Mapping[str, str], folder: Path) -> list[Path]:
    """Download packages with npm.

    Args:
        packages: name → exact version.
        folder: an existing folder for the tarballs.

    Returns:
        The tarballs, in the order of ``packages``.

    Raises:
        DownloadError: npm is not installed, or cannot get a package; holds npm's reason.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise DownloadError("npm, which downloads packages of JavaScript, is not installed: install Node.js")
    return [
        _download(npm, name, version, folder / f"npm-{at}")
        for at, (name, version) in enumerate(packages.items())
    ]


def _download(npm: str, name: str, version: str, folder: Path) -> Path:
    folder.mkdir()
    options = ["--ignore-scripts", f"--fetch-retries={RETRIES}", f"--fetch-retry-mintimeout={WAIT_MS}"]
    options += [f"--fetch-retry-maxtimeout={WAIT_MS}", f"--pack-destination={folder}"]
    said: list[str] = []
    status = run_group([npm, "pack", *options, f"{name}@{version}"], on_line=said.append)
    tarballs = sorted(folder.glob("*.tgz"))
    if status or len(tarballs) != 1:
        raise DownloadError(f"npm cannot download {name} {version}: {_reason(said)}")
    return tarballs[0]


def _reason(said: list[str]) -> str:
    """Why npm failed, of all that it said."""
    errors = [line.removeprefix("npm error ") for line in said if line.startswith("npm error ")]
    if any(line == f"code {code}" for line in errors for code in UNREACHABLE):
        return "the package registry is not reachable"
    told = [PREFIX.sub("", line) for line in errors if not line.startswith(("code ", "A complete log"))]
    return next(filter(None, told), (said or ["it says nothing"])[-1])
