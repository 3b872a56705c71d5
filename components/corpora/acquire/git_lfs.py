"""Downloading the objects that Git LFS pointers stand for.

Source: git-lfs's docs/api/batch.md (the batch API, ``basic`` transfer).
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import DownloadError, listed
from ...progress import track
from ...storage.download import Remote, download, post_json
from ..lfs_pointers import Pointer

if TYPE_CHECKING:
    import httpx

BATCH = 100
"""Objects per request of the batch API."""
CONNECTIONS = 8
_HEADERS = {
    "Accept": "application/vnd.git-lfs+json",
    "Content-Type": "application/vnd.git-lfs+json",
}


def download_objects(pointers: Iterable[Pointer], folder: Path, *, server: str, client: httpx.Client) -> None:
    """Download the objects into ``folder``, each named by its oid and verified; those already there are kept.

    Args:
        server: the repository's LFS address, ``https://…/repository.git/info/lfs``.

    Raises:
        DownloadError: the server does not have them, or serves other bytes.
    """
    wanted = {pointer.oid: pointer for pointer in pointers if not (folder / pointer.oid).is_file()}
    missing = sorted(wanted.values(), key=lambda pointer: pointer.oid)
    batches = [missing[start : start + BATCH] for start in range(0, len(missing), BATCH)]
    pool = ThreadPoolExecutor(CONNECTIONS)
    try:
        for batch in track(batches, total=len(batches), what=f"Git LFS, batches of {BATCH}"):
            remotes = _located(batch, server=server, client=client)
            futures = [
                pool.submit(download, remote, folder, client=client, show_progress=False)
                for remote in remotes
            ]
            for future in futures:
                future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _located(batch: list[Pointer], *, server: str, client: httpx.Client) -> list[Remote]:
    """Where the server keeps the objects."""
    request = {
        "operation": "download",
        "transfers": ["basic"],
        "hash_algo": "sha256",
        "objects": [{"oid": pointer.oid, "size": pointer.size} for pointer in batch],
    }
    url = f"{server}/objects/batch"
    answer = post_json(url, request, headers=_HEADERS, client=client)
    try:
        objects = {each["oid"]: each for each in answer["objects"]}
        actions = {oid: each.get("actions", {}).get("download") for oid, each in objects.items()}
        links = {oid: (action["href"], action.get("header", {})) for oid, action in actions.items() if action}
        reasons = {oid: each.get("error", {}).get("message") for oid, each in objects.items()}
    except (AttributeError, KeyError, TypeError):
        raise DownloadError(
            f"{url}: the answer is not that of a Git LFS server: {str(answer)[:80]}"
        ) from None
    oids = [pointer.oid for pointer in batch]
    missing = [f"{oid[:12]}… ({reasons.get(oid) or 'no address'})" for oid in oids if oid not in links]
    if missing:
        raise DownloadError(f"{server} does not serve {len(missing)} object(s): {listed(missing)}")
    if server.startswith("https://"):
        for href, _ in links.values():
            if not str(href).startswith("https://"):
                raise DownloadError(f"{server} refers to {href}: only https is accepted")
    return [
        Remote(
            pointer.oid,
            (links[pointer.oid][0],),
            f"sha256:{pointer.oid}",
            pointer.size,
            links[pointer.oid][1],
        )
        for pointer in batch
    ]
