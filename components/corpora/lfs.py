"""Git LFS: what stands in a repository for a large file, and how to have that file.

Sources: git-lfs's docs/spec.md (the pointer) and docs/api/batch.md (the batch API, ``basic`` transfer).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CorpusError, listed
from ..progress import track
from .download import Remote, download

if TYPE_CHECKING:
    import httpx

LONGEST = 1024  # spec.md: a pointer is less than that many bytes
AT_ONCE = 100  # objects asked for in one request
CONNECTIONS = 8
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-.*\n)*oid sha256:([0-9a-f]{64})\nsize (\d+)\n"
)
_KIND = {
    "Accept": "application/vnd.git-lfs+json",
    "Content-Type": "application/vnd.git-lfs+json",
}


@dataclass(frozen=True)
class Pointer:
    """What stands for a file: its SHA-256 and its size in bytes."""

    oid: str
    size: int


def pointer(path: Path) -> Pointer | None:
    """What a file points to; None where it is no pointer but a file of its own."""
    if path.stat().st_size >= LONGEST:
        return None
    held = _POINTER.fullmatch(path.read_bytes())
    return Pointer(held[1].decode(), int(held[2])) if held else None


def fetch_objects(pointers: Iterable[Pointer], folder: Path, *, server: str, client: httpx.Client) -> None:
    """Have the objects in ``folder``, each under its oid, its digest checked; those that are there are kept.

    Args:
        server: the repository's LFS address, ``https://…/repository.git/info/lfs``.

    Raises:
        CorpusError: the server does not have them, or gives other bytes.
    """
    wanted = {each.oid: each for each in pointers if not (folder / each.oid).is_file()}
    todo = sorted(wanted.values(), key=lambda each: each.oid)
    batches = [todo[start : start + AT_ONCE] for start in range(0, len(todo), AT_ONCE)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for done in track(
            (_batch(batch, folder, server=server, client=client, pool=pool) for batch in batches),
            total=len(batches),
            what=f"Git LFS, batches of {AT_ONCE}",
        ):
            done.clear()


def _batch(
    batch: list[Pointer], folder: Path, *, server: str, client: httpx.Client, pool: ThreadPoolExecutor
) -> list[Path]:
    remotes = list(_located(batch, server=server, client=client))
    got = pool.map(lambda remote: download(remote, folder, client=client, shown=False), remotes)
    return list(got)


def _located(batch: list[Pointer], *, server: str, client: httpx.Client) -> Iterator[Remote]:
    """Where the server says that the objects are."""
    import httpx

    asked = {
        "operation": "download",
        "transfers": ["basic"],
        "hash_algo": "sha256",
        "objects": [{"oid": each.oid, "size": each.size} for each in batch],
    }
    url = f"{server}/objects/batch"
    try:
        answer = client.post(url, json=asked, headers=_KIND).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise CorpusError(f"{url}: {error}; what was fetched is kept: run the same command again") from None
    told = {each["oid"]: each for each in answer.get("objects", [])}
    lacking = [
        f"{each.oid[:12]}… ({told.get(each.oid, {}).get('error', {}).get('message', 'no address')})"
        for each in batch
        if "download" not in told.get(each.oid, {}).get("actions", {})
    ]
    if lacking:
        raise CorpusError(f"{server} does not give {len(lacking)} object(s): {listed(lacking)}")
    for each in batch:
        action = told[each.oid]["actions"]["download"]
        yield Remote(
            each.oid, (action["href"],), f"sha256:{each.oid}", each.size, headers=action.get("header", {})
        )
