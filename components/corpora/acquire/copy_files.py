"""Copying a folder byte for byte: no links to the user's files, and never half a folder."""

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ...errors import CorpusError, listed
from ...files import digest_of, file_digest
from ...progress import track
from ..adapter_interface import is_dropping
from ..lfs_pointers import pointer

_FICLONE = 0x40049409  # linux/fs.h: let two files share their blocks until one of them is written to
_FULL = errno.ENOSPC, errno.EDQUOT
_NO_LINK = errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS


def files_of(source: Path) -> dict[str, Path]:
    """Every file below a folder, links within the folder followed; without what systems and git left there.

    Args:
        source: the folder.

    Returns:
        Relative POSIX path → the file, sorted.

    Raises:
        CorpusError: links that lead out of the folder or to a folder, pipes and devices; a folder that cannot be
            read; names them.
    """
    home = source.resolve()
    found, refused = {}, []
    for folder, folders, names in os.walk(source, onerror=_unreadable):
        folders[:] = [name for name in folders if not is_dropping(name)]  # which os.walk then does not enter
        for name in sorted(folders) + sorted(name for name in names if not is_dropping(name)):
            path = Path(folder, name)
            within = path.relative_to(source).as_posix()
            if path.is_symlink():
                target = path.resolve()
                if not target.is_relative_to(home):
                    refused.append(f"{within} (a link out of the folder, to {target})")
                elif not target.is_file():
                    refused.append(f"{within} (a link to something that is not a file)")
                else:
                    found[within] = target
            elif name in names:
                if stat.S_ISREG(path.stat().st_mode):
                    found[within] = path
                else:
                    refused.append(f"{within} (not an ordinary file)")
    if refused:
        raise CorpusError(
            f"{source}: {len(refused)} thing(s) in it cannot be copied as they are: {listed(refused)}; "
            f"make a plain copy of the folder first: cp -rL"
        )
    return dict(sorted(found.items()))


def _unreadable(error: OSError) -> None:
    raise CorpusError(f"{error.filename} cannot be read: {error.strerror}") from None


def copy_all(files: Mapping[str, Path], folder: Path, *, workers: int, what: str) -> None:
    """Bring ``folder`` to hold these files and no others, each compared by digest with what it was copied from.

    What an earlier run has copied whole is kept.

    Args:
        files: relative POSIX path → the file to copy.
        folder: that will hold the copies.
        workers: how many files are copied at once.
        what: what is copied, for the progress shown.

    Raises:
        CorpusError: the disk is full (the folder is then removed), a file cannot be read, or changes meanwhile.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.relative_to(folder).as_posix() not in files:
                path.unlink()
        for parent in sorted({(folder / name).parent for name in files}):
            parent.mkdir(parents=True, exist_ok=True)
        pool = ThreadPoolExecutor(workers)
        try:
            done = pool.map(lambda item: _copy_checked(item[1], folder / item[0]), files.items())
            for _ in track(done, total=len(files), what=what):
                pass
        finally:
            pool.shutdown(cancel_futures=True)
    except OSError as error:
        if error.errno not in _FULL:
            raise CorpusError(f"copying to {folder.parent} failed: {error}") from None
        shutil.rmtree(folder, ignore_errors=True)
        size = sum(path.stat().st_size for path in files.values())
        free = shutil.disk_usage(folder.parent).free
        raise CorpusError(
            f"the disk of {folder.parent} is full: the corpus is {size / 1e9:.2f} GB and {free / 1e9:.2f} GB are free "
            f"(DVC keeps a second copy where the file system cannot share blocks); nothing of it was left there"
        ) from None


def differences(files: Mapping[str, Path], folder: Path) -> list[str]:
    """How a folder differs from these files; what systems and git left in it does not count.

    Args:
        files: relative POSIX path → the file.
        folder: that should hold them.

    Returns:
        ``name (only there)``, ``name (not there)``, ``name (other content)``.
    """
    below = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    there = {name.as_posix(): path for name, path in below.items() if not any(map(is_dropping, name.parts))}
    found = [f"{name} (only there)" for name in sorted(there.keys() - files.keys())]
    found += [f"{name} (not there)" for name in sorted(files.keys() - there.keys())]
    both = sorted(files.keys() & there.keys())
    return found + [f"{name} (other content)" for name in both if not _same(files[name], there[name])]


def differs(one: Path, other: Path) -> bool:
    """Whether two files hold other bytes; a Git LFS pointer does not differ from what it stands for.

    Args:
        one: a file.
        other: another one.

    Returns:
        True where the bytes differ, and ``one`` is no pointer to those of ``other``.
    """
    if _same(one, other):
        return False
    stands_for = pointer(one)
    return stands_for is None or stands_for.oid != file_digest(other)


def link_all(files: Mapping[str, Path], folder: Path) -> None:
    """Make ``folder`` of these files, sharing their bytes where the file system can link to them, else copied.

    Args:
        files: relative POSIX path → the file.
        folder: that will hold them.

    Raises:
        CorpusError: the disk is full, a file cannot be read.
    """
    try:
        for name, path in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, target)
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise
                shutil.copy2(path, target)
    except OSError as error:
        raise CorpusError(f"putting files into {folder.parent} failed: {error}") from None


def _copy_checked(source: Path, target: Path) -> None:
    if target.is_file() and _same(source, target):
        return
    temporary = target.with_name(
        f".{digest_of(target.name)[:16]}.copying"
    )  # the name may be as long as names can be
    with source.open("rb") as read, temporary.open("wb") as written:
        try:
            fcntl.ioctl(written, _FICLONE, read.fileno())
        except OSError as error:
            if error.errno in _FULL:
                raise
            shutil.copyfile(source, temporary)  # this file system, or these two, share no blocks
    facts = source.stat()
    os.utime(temporary, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    temporary.replace(target)
    if not _same(source, target):
        raise CorpusError(
            f"{source} changed while it was copied, or the disk is faulty; run the same command again"
        )


def _same(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and file_digest(one) == file_digest(other)
