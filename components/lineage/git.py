"""Reads git: the commit, its files, and their digests as ``dvc.lock`` has them."""

import hashlib
import json
import subprocess
from pathlib import Path


def head(root: Path) -> str | None:
    """The commit checked out at ``root``; None outside a repository or before its first commit."""
    return commit_of(root, "HEAD")


def commit_of(root: Path, revision: str) -> str | None:
    """The commit that a branch, a tag or another revision names; None where git knows no such revision."""
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return found.decode().strip() if found else None


def dvc_experiments(root: Path) -> list[tuple[str, str]]:
    """The name and the commit of each experiment of `dvc exp`, which keeps them as ``refs/exps/<baseline>/<name>``."""
    listing = _git(root, "for-each-ref", "--format=%(objectname) %(refname)", "refs/exps") or b""
    found = []
    for line in listing.decode().splitlines():
        commit, ref = line.split(" ", 1)
        parts = ref.split("/", 4)
        if len(parts) == 5:  # the baseline is two parts; refs with fewer are DVC's own
            found.append((parts[4], commit))
    return found


def committed(root: Path, path: str) -> bytes | None:
    """A file's bytes as the checked-out commit holds them; None where it holds no such file."""
    return file_at(root, "HEAD", path)


def file_at(root: Path, commit: str, path: str) -> bytes | None:
    """A file's bytes as a commit holds them, its path from ``root``; None where it holds no such file."""
    return _git(root, "show", f"{commit}:./{path}")


def committed_md5(root: Path, path: str) -> str | None:
    """DVC's digest of a file or folder as the commit holds it; None where it holds neither.

    DVC's digest of a folder is the MD5 of a JSON list of its files' MD5s and names, and ends in ``.dir``.
    """
    listing = _git(root, "ls-tree", "-r", "-z", "HEAD", "--", path)
    if not listing:
        return None
    blobs = {}
    for line in listing.decode().rstrip("\0").split("\0"):
        facts, name = line.split("\t", 1)
        if facts.split()[1] == "blob":
            blobs[name] = facts.split()[2]
    files = dict(zip(blobs, _blobs_md5(root, list(blobs.values())), strict=True))
    if list(files) == [path]:
        return files[path]
    return folder_md5({Path(name).relative_to(path).as_posix(): md5 for name, md5 in files.items()})


def disk_md5(path: Path) -> str | None:
    """DVC's digest of a file or folder on disk; None where there is neither."""
    if path.is_file():
        return _file_md5(path)
    if not path.is_dir():
        return None
    return folder_md5(
        {file.relative_to(path).as_posix(): _file_md5(file) for file in path.rglob("*") if file.is_file()}
    )


def folder_md5(files: dict[str, str]) -> str:
    """DVC's digest of a folder, from its files' names and MD5s."""
    listing = [{"md5": md5, "relpath": name} for name, md5 in sorted(files.items())]
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest() + ".dir"  # noqa: S324


def changed(root: Path, *paths: str) -> list[str]:
    """Files at these paths that differ from the commit, or that it does not hold (ignored ones apart)."""
    status = _git(
        root, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--", *paths
    )
    return sorted(entry[3:] for entry in (status or b"").decode().split("\0") if entry)


def _blobs_md5(root: Path, blobs: list[str]) -> list[str]:
    """The MD5 of each blob's bytes, by one process for all of them."""
    answer = _git(root, "cat-file", "--batch", given="".join(f"{blob}\n" for blob in blobs).encode()) or b""
    found, at = [], 0
    for _ in blobs:  # "<id> blob <size>\n<bytes>\n" each
        end = answer.index(b"\n", at)
        size = int(answer[at:end].split()[2])
        found.append(hashlib.md5(answer[end + 1 : end + 1 + size]).hexdigest())  # noqa: S324
        at = end + size + 2
    return found


def _file_md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _git(root: Path, *arguments: str, given: bytes | None = None) -> bytes | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], input=given, capture_output=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
