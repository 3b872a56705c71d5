"""Unpacking untrusted archives: plain files only, nothing outside the folder, all or nothing."""

import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from ...errors import CorpusError
from ...files import replacing
from ...progress import track_bytes

SPARE_BYTES = 100_000_000
_BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, RuntimeError,
)  # fmt: skip
"""What the readers of archives raise; RuntimeError for one that is encrypted or packed in an unknown way."""


def unpack(archive: Path, folder: Path, *, placed: Callable[[str], str | None] = lambda name: name) -> Path:
    """Unpack a zip or tar archive (compressed or not) into ``folder``, which appears whole.

    Args:
        placed: a member's path → where it goes within the folder; None leaves it out.

    Returns:
        ``folder``; where it exists already, it is taken as it is.

    Raises:
        CorpusError: no such archive, a broken one, too large for the disk, or with members that lead out of the
            folder, are links or devices, or come twice; names them.
    """
    if folder.is_dir():
        return folder
    try:
        with replacing(folder) as temporary:
            temporary.mkdir()
            work = _unpacking(archive, temporary, placed)
            track_bytes(work, total=archive.stat().st_size, what=f"unpacking {archive.name}")
    except (FileExistsError, NotADirectoryError) as error:
        name = Path(error.filename or "").name
        raise CorpusError(f"{archive}: {name} comes as a file and as a folder") from None
    except _BROKEN as error:
        raise CorpusError(f"{archive} is broken: {error}; remove it and fetch it again") from None
    return folder


def _unpacking(archive: Path, folder: Path, placed: Callable[[str], str | None]) -> Iterator[int]:
    """Unpack member by member. Yields how many of the archive's bytes are done."""
    for name, size, opened, position in _members(archive):
        goes = placed(name)
        if goes is not None:
            target = _within(folder, goes, archive)
            if target.exists():
                raise CorpusError(f"{archive}: {goes} comes twice")
            target.parent.mkdir(parents=True, exist_ok=True)
            _room(folder, size, archive)
            with opened() as read, target.open("wb") as written:
                shutil.copyfileobj(read, written, 1 << 20)
            if target.stat().st_size != size:
                raise CorpusError(f"{archive} is broken: {name} is cut short; remove it and fetch it again")
        yield position


def _members(archive: Path) -> Iterator[tuple[str, int, Callable[[], IO[bytes]], int]]:
    """The plain files of an archive: path, size, how to read it, and how far into the archive that is."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as reader:
            position = 0
            for info in reader.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise CorpusError(
                        f"{archive}: {info.filename} is a link or a device, which no corpus has"
                    )
                position += info.compress_size
                if not info.is_dir():
                    yield info.filename, info.file_size, partial(reader.open, info), position
        return
    with archive.open("rb") as raw, tarfile.open(fileobj=raw) as reader:
        for info in reader:
            if info.isfile():
                yield info.name, info.size, partial(reader.extractfile, info), raw.tell()
            elif not info.isdir():
                raise CorpusError(f"{archive}: {info.name} is a link or a device, which no corpus has")


def _within(folder: Path, name: str, archive: Path) -> Path:
    """Where a member goes; refused where that is not within the folder on any system."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.parts:
        raise CorpusError(f"{archive}: {name!r} leads out of the folder it is unpacked to")
    return folder / path


def _room(folder: Path, size: int, archive: Path) -> None:
    free = shutil.disk_usage(folder).free
    if size + SPARE_BYTES > free:
        raise CorpusError(
            f"{archive} unpacks to more than the {free / 1e9:.2f} GB that are free: free some and run the same "
            "command again; what was fetched is kept"
        )
