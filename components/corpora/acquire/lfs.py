"""Downloading the objects of Git LFS pointers.

Source: git-lfs's docs/api/batch.md (the batch API, ``basic`` transfer).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import CorpusError, listed
from ...progress import track
from ..pointers import Pointer
from .download import Remote, ask, download

if TYPE_CHECKING:
    import httpx

AT_ONCE = 100  # objects asked for in one request
CONNECTIONS = 8
_KIND = {
    "Accept": "application/vnd.git-lfs+json",
    "Content-Type": "application/vnd.git-lfs+json",
}


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
    pool = ThreadPoolExecutor(CONNECTIONS)
    try:
        for batch in track(batches, total=len(batches), what=f"Git LFS, batches of {AT_ONCE}"):
            located = _located(batch, server=server, client=client)
            for done in [pool.submit(download, each, folder, client=client, shown=False) for each in located]:
                done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _located(batch: list[Pointer], *, server: str, client: httpx.Client) -> Iterator[Remote]:
    """Where the server says that the objects are."""
    oids = [each.oid for each in batch]
    asked = {
        "operation": "download",
        "transfers": ["basic"],
        "hash_algo": "sha256",
        "objects": [{"oid": each.oid, "size": each.size} for each in batch],
    }
    url = f"{server}/objects/batch"
    answer = ask(url, asked, headers=_KIND, client=client)
    try:
        told = {each["oid"]: each for each in answer["objects"]}
        actions = {oid: each.get("actions", {}).get("download") for oid, each in told.items()}
        links = {oid: (action["href"], action.get("header", {})) for oid, action in actions.items() if action}
        reasons = {oid: each.get("error", {}).get("message") for oid, each in told.items()}
    except (AttributeError, KeyError, TypeError):
        raise CorpusError(f"{url}: the answer is none of Git LFS's: {str(answer)[:80]}") from None
    lacking = [f"{oid[:12]}… ({reasons.get(oid) or 'no address'})" for oid in oids if oid not in links]
    if lacking:
        raise CorpusError(f"{server} does not give {len(lacking)} object(s): {listed(lacking)}")
    for each in batch:
        link, headers = links[each.oid]
        if server.startswith("https://") and not str(link).startswith("https://"):
            raise CorpusError(f"{server} leads to {link}: corpora are fetched by https alone")
        yield Remote(each.oid, (link,), f"sha256:{each.oid}", each.size, headers=headers)
