"""Downloading over HTTP: interrupted downloads resume, and a file gets its name only when whole and verified."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..errors import DownloadError
from ..files import read_json, write_json
from ..progress import track_bytes

if TYPE_CHECKING:
    import httpx

ATTEMPTS = 5
"""Consecutive attempts without receiving a byte; any progress starts the count anew."""
LONGEST_WAIT_S = 60.0
RERUN = "run the same command again to resume"
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d*/(\d+|\*)")
_BUSY = 408, 425, 429, 500, 502, 503, 504
_RANGE_REFUSED = 412, 416  # what was received is of another file, or longer than it


@dataclass(frozen=True)
class Remote:
    """A file to download.

    Attributes:
        name: the file's name on disk.
        urls: its addresses in order of preference; each serves the same bytes.
        digest: ``sha256:…`` or ``md5:…`` of its bytes; None where nobody has published one.
        size: in bytes; None where unknown.
        headers: sent with the request.
    """

    name: str
    urls: tuple[str, ...]
    digest: str | None = None
    size: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class _Interrupted(Exception):
    """The connection ended before the file did, or the server is busy; ``wait_s`` is the wait it asked for."""

    def __init__(self, reason: str, wait_s: float | None = None):
        super().__init__(reason)
        self.wait_s = wait_s


@contextmanager
def http_client() -> Iterator[httpx.Client]:
    """Open the client that :func:`download` uses: it reuses connections, and never follows https to http."""
    import httpx

    # A byte range counts the bytes as stored, so the server must not compress them.
    headers = {"User-Agent": "emoflow", "Accept-Encoding": "identity"}
    with httpx.Client(
        follow_redirects=True,
        timeout=httpx.Timeout(60, connect=20),
        headers=headers,
        event_hooks={"response": [_refuse_downgrade]},
    ) as client:
        yield client


def download(
    remote: Remote,
    folder: Path,
    *,
    client: httpx.Client,
    show_progress: bool = True,
    pause_s: float = 1.0,
) -> Path:
    """Download a file into ``folder``, resuming what an earlier call left there.

    A file of that name that exists already was verified when it got its name, and is returned as it is.

    Args:
        show_progress: on stderr.
        pause_s: seconds before the first retry; doubled with each consecutive one.

    Returns:
        The path of the whole file, its size and digest verified.

    Raises:
        DownloadError: no address serves the file, its bytes are not those expected, or the disk is too full.
    """
    path = folder / remote.name
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    received = _size(_part(path))
    free = shutil.disk_usage(path.parent).free
    if remote.size is not None and remote.size - received > free:
        raise DownloadError(
            f"{remote.name} is {remote.size / 1e9:.2f} GB and {free / 1e9:.2f} GB are free in {path.parent}: free "
            f"some space, then {RERUN}"
        )
    failures = []
    for url in remote.urls:
        try:
            _download_from(url, remote, path, client=client, show_progress=show_progress, pause_s=pause_s)
            return path
        except DownloadError as error:
            failures.append(str(error))
    raise DownloadError("; ".join(failures))


def post_json(url: str, body: Any, *, headers: Mapping[str, str], client: httpx.Client) -> dict[str, Any]:
    """Post JSON to a server and return its JSON object; a busy server is asked again.

    Raises:
        DownloadError: there is no answer, or it is not a JSON object.
    """
    import httpx

    for attempt in range(ATTEMPTS):
        try:
            response = client.post(url, json=body, headers=dict(headers))
            if response.status_code in _BUSY and attempt + 1 < ATTEMPTS:
                time.sleep(min(_retry_after(response) or 2.0**attempt, LONGEST_WAIT_S))
                continue
            answer = response.raise_for_status().json()
            if isinstance(answer, dict):
                return answer
            reason = "the answer is not a JSON object"
        except (httpx.HTTPError, ValueError) as error:
            reason = str(error)
        break
    raise DownloadError(f"{url}: {reason}; what was downloaded is kept: {RERUN}")


def digest_like(path: Path, expected: str) -> str:
    """Digest a file with the algorithm that ``expected`` names, and in its form: ``sha256:…``, ``md5:…``."""
    algorithm = expected.partition(":")[0]
    with path.open("rb") as file:
        if algorithm == "md5":  # what Zenodo publishes; it guards against accidents only
            found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
        else:
            found = hashlib.file_digest(file, algorithm)
    return f"{algorithm}:{found.hexdigest()}"


def _download_from(
    url: str, remote: Remote, path: Path, *, client: httpx.Client, show_progress: bool, pause_s: float
) -> None:
    """Download from one address until the file is whole, then verify it and give it its name."""
    part = _part(path)
    failures = 0
    while True:
        before = _size(part)
        try:
            _receive(url, remote, part, client=client, show_progress=show_progress)
            break
        except _Interrupted as interruption:
            now = _size(part)
            failures = 1 if now > before else failures + 1
            if failures >= ATTEMPTS:
                kept = f"{now / 1e6:.1f} MB of {remote.name} are kept: {RERUN}"
                raise DownloadError(f"{url}: {interruption}; {kept}") from None
            time.sleep(min(interruption.wait_s or pause_s * 2 ** (failures - 1), LONGEST_WAIT_S))
    wrong = None
    if remote.size is not None and _size(part) != remote.size:
        wrong = f"{_size(part)} bytes, expected {remote.size}"
    elif remote.digest and (found := digest_like(part, remote.digest)) != remote.digest:
        wrong = f"{found}, expected {remote.digest}"
    _tag_file(part).unlink(missing_ok=True)
    if wrong:
        part.unlink()
        raise DownloadError(
            f"{url} serves another {remote.name} than expected: {wrong}. The download was deleted; run the same "
            "command again, and if that does not help, the file has changed at its source"
        )
    part.replace(path)


def _receive(url: str, remote: Remote, part: Path, *, client: httpx.Client, show_progress: bool) -> None:
    """Append the missing bytes to ``part``. Raises _Interrupted where a retry may help."""
    import httpx

    received = _size(part)
    tag = read_json(_tag_file(part)).get("tag") if received and _tag_file(part).is_file() else None
    headers = dict(remote.headers)
    if received and (
        tag or remote.digest
    ):  # without either, nothing would show that it is still the same file
        headers |= {"Range": f"bytes={received}-"} | ({"If-Range": tag} if tag else {})
    else:
        part.unlink(missing_ok=True)
        received = 0
    try:
        with client.stream("GET", url, headers=headers) as response:
            if response.status_code in _RANGE_REFUSED:
                if received != remote.size:
                    part.unlink(missing_ok=True)
                    raise _Interrupted(f"the server's file has no byte {received}")
                return
            if response.status_code in _BUSY:
                raise _Interrupted(f"the server answers {response.status_code}", _retry_after(response))
            if response.status_code not in (200, 206):
                raise DownloadError(
                    f"{url}: the server answers {response.status_code} {response.reason_phrase}"
                )
            start, size = _extent(response)
            if start not in (0, received):
                raise DownloadError(
                    f"{url}: bytes from {received} on were requested, the server sent from {start}"
                )
            write_json(_tag_file(part), {"tag": _strong_tag(response)})
            with part.open("ab" if start else "wb") as file:
                total = size - start if size is not None and show_progress else None
                track_bytes(_written(response, file), total=total, what=remote.name)
            if size is not None and _size(part) < size:
                raise _Interrupted(f"the connection ended at {_size(part)} of {size} bytes")
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
        raise DownloadError(f"{url}: {error}") from None
    except httpx.TransportError as error:
        raise _Interrupted(str(error) or type(error).__name__) from None


def _refuse_downgrade(response: httpx.Response) -> None:
    """Called before a redirect is followed: one step over http is enough for someone to change the bytes."""
    target = response.headers.get("Location", "").strip() if response.has_redirect_location else ""
    if response.url.scheme == "https" and target.lower().startswith("http:"):
        raise DownloadError(f"{response.url} redirects to {target}: only https is accepted")


def _written(response: httpx.Response, file: IO[bytes]) -> Iterator[int]:
    """Write a response to a file as it arrives, so that an interruption loses nothing; yields the bytes so far."""
    count = 0
    for chunk in response.iter_raw():
        file.write(chunk)
        count += len(chunk)
        yield count


def _extent(response: httpx.Response) -> tuple[int, int | None]:
    """The first byte that a response holds, and the size of the whole file, if the server states it."""
    if response.status_code == 200:
        length = response.headers.get("Content-Length")
        return 0, int(length) if length else None
    stated = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if not stated:
        raise _Interrupted("the server sent a part of the file without stating which")
    return int(stated[1]), None if stated[2] == "*" else int(stated[2])


def _strong_tag(response: httpx.Response) -> str | None:
    """The entity tag that identifies these very bytes (RFC 9110, 8.8.3); None for a weak one or none."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else None


def _retry_after(response: httpx.Response) -> float | None:
    stated = response.headers.get("Retry-After", "")
    return float(stated) if stated.isdigit() else None


def _part(path: Path) -> Path:
    """Where the bytes received so far are kept."""
    return path.with_name(f"{path.name}.part")


def _tag_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
