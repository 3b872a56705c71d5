"""Fetching one file over HTTP: cut off it goes on where it stopped, and it is whole and the right one or not there."""

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

from ...errors import CorpusError
from ...files import read_json, write_json
from .megabytes import follow

if TYPE_CHECKING:
    import httpx

ATTEMPTS = 5  # in a row without a byte; any progress counts anew
LONGEST_WAIT_S = 60.0
_RANGE = re.compile(r"bytes (\d+)-\d*/(\d+|\*)")
_BUSY = 408, 425, 429, 500, 502, 503, 504
_MOVED_ON = 412, 416  # what is held is of another file, or longer than it


@dataclass(frozen=True)
class Remote:
    """A file somewhere else.

    Attributes:
        name: under which it is kept.
        urls: where it is, the preferred first; the same bytes everywhere.
        digest: ``sha256:…`` or ``md5:…`` of its bytes; None where nobody has published one.
        size: in bytes; None where unknown.
        headers: to be sent with the request.
    """

    name: str
    urls: tuple[str, ...]
    digest: str | None = None
    size: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class _CutOff(Exception):
    """The connection ended before the file did, or the server is busy; ``wait_s`` if it said for how long."""

    def __init__(self, said: str, wait_s: float | None = None):
        super().__init__(said)
        self.wait_s = wait_s


@contextmanager
def session() -> Iterator[httpx.Client]:
    """What :func:`download` asks with; connections are kept between files, and https leads to https alone."""
    import httpx

    # A range is of the bytes as they lie there, so they are not to be packed on the way.
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
    shown: bool = True,
    pause_s: float = 1.0,
) -> Path:
    """Have the file in ``folder``. What an earlier call has fetched of the same file is kept and gone on with.

    Args:
        shown: say on stderr how far it has come.
        pause_s: before the first repetition; it doubles with each in a row.

    Returns:
        The file, whole, its digest checked.

    Raises:
        CorpusError: nobody gives it, or gives other bytes than those expected.
    """
    path = folder / remote.name
    if path.is_file():  # it got its name when it was whole
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    held = part.stat().st_size if part.is_file() else 0
    free = shutil.disk_usage(path.parent).free
    if remote.size is not None and remote.size - held > free:
        raise CorpusError(
            f"{remote.name} is {remote.size / 1e9:.2f} GB and {free / 1e9:.2f} GB are free in {path.parent}: free "
            "some and run the same command again; what was fetched is kept"
        )
    refused = []
    for url in remote.urls:
        try:
            _fetch(remote, url, path, client=client, shown=shown, pause_s=pause_s)
            return path
        except CorpusError as error:
            refused.append(str(error))
    raise CorpusError("; ".join(refused))


def ask(url: str, question: Any, *, headers: Mapping[str, str], client: httpx.Client) -> dict[str, Any]:
    """Put a question in JSON to a server and return its answer; a busy one is asked again.

    Raises:
        CorpusError: no answer, or one that is no JSON object.
    """
    import httpx

    for attempt in range(ATTEMPTS):
        try:
            answer = client.post(url, json=question, headers=dict(headers))
            if answer.status_code in _BUSY and attempt + 1 < ATTEMPTS:
                time.sleep(min(_wait(answer) or 2.0**attempt, LONGEST_WAIT_S))
                continue
            held = answer.raise_for_status().json()
            if isinstance(held, dict):
                return held
            said = "the answer is no JSON object"
        except (httpx.HTTPError, ValueError) as error:
            said = str(error)
        break
    raise CorpusError(f"{url}: {said}; what was fetched is kept: run the same command again to go on")


def digest_of_kind(path: Path, expected: str) -> str:
    """The file's digest in the form and of the kind of ``expected``: ``sha256:…``, ``md5:…``."""
    kind = expected.partition(":")[0]
    with path.open("rb") as file:
        if kind == "md5":  # what Zenodo publishes; it guards against accidents alone
            found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
        else:
            found = hashlib.file_digest(file, kind)
    return f"{kind}:{found.hexdigest()}"


def _fetch(
    remote: Remote, url: str, path: Path, *, client: httpx.Client, shown: bool, pause_s: float
) -> None:
    """Fetch from one address until it is whole, then check it and give it its name."""
    part = path.with_name(f"{path.name}.part")
    failed = 0
    while True:
        before = part.stat().st_size if part.is_file() else 0
        try:
            _receive(remote, url, part, client=client, shown=shown)
            break
        except _CutOff as cut:
            now = part.stat().st_size if part.is_file() else 0
            failed = 1 if now > before else failed + 1
            if failed >= ATTEMPTS:
                kept = f"{now / 1e6:.1f} MB of {remote.name} are kept: run the same command again to go on"
                raise CorpusError(f"{url}: {cut}; {kept}") from None
            time.sleep(min(cut.wait_s or pause_s * 2 ** (failed - 1), LONGEST_WAIT_S))
    size = part.stat().st_size
    wrong = None
    if remote.size is not None and size != remote.size:
        wrong = f"{size} bytes, expected {remote.size}"
    elif remote.digest and (found := digest_of_kind(part, remote.digest)) != remote.digest:
        wrong = f"{found}, expected {remote.digest}"
    _note(part).unlink(missing_ok=True)
    if wrong:
        part.unlink()
        raise CorpusError(
            f"{url} gave another {remote.name} than the one known: {wrong}. It was thrown away; run the same "
            "command again, and if that does not help, its owner has changed it"
        )
    part.replace(path)


def _receive(remote: Remote, url: str, part: Path, *, client: httpx.Client, shown: bool) -> None:
    """Append to ``part`` what is still missing. Raises _CutOff where it may help to try again."""
    import httpx

    held = part.stat().st_size if part.is_file() else 0
    tag = read_json(_note(part)).get("tag") if held and _note(part).is_file() else None
    headers = dict(remote.headers)
    if held and (tag or remote.digest):  # without either, nothing would tell that it is still the same file
        headers |= {"Range": f"bytes={held}-"} | ({"If-Range": tag} if tag else {})
    else:
        part.unlink(missing_ok=True)
        held = 0
    try:
        with client.stream("GET", url, headers=headers) as answer:
            if answer.status_code in _MOVED_ON:
                if held != remote.size:
                    part.unlink(missing_ok=True)
                    raise _CutOff(f"the server has no byte {held} of it")
                return
            if answer.status_code in _BUSY:
                raise _CutOff(f"the server says {answer.status_code}", _wait(answer))
            if answer.status_code not in (200, 206):
                raise CorpusError(f"{url}: the server says {answer.status_code} {answer.reason_phrase}")
            start, whole = _extent(answer)
            if start not in (0, held):
                raise CorpusError(f"{url}: asked for byte {held} on, the server gave {start} on")
            write_json(_note(part), {"tag": _tag(answer)})
            with part.open("ab" if start else "wb") as file:
                todo = None if whole is None or not shown else whole - start
                follow(_written(answer, file), total=todo, what=remote.name)
            if whole is not None and part.stat().st_size < whole:
                raise _CutOff(f"the connection ended at {part.stat().st_size} of {whole} bytes")
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
        raise CorpusError(f"{url}: {error}") from None
    except httpx.TransportError as error:
        raise _CutOff(str(error) or type(error).__name__) from None


def _refuse_downgrade(answer: httpx.Response) -> None:
    """Before httpx follows: a part of the way by http is enough for somebody to change what is given."""
    to = answer.headers.get("Location", "").strip() if answer.has_redirect_location else ""
    if answer.url.scheme == "https" and to.lower().startswith("http:"):
        raise CorpusError(f"{answer.url} leads to {to}: corpora are fetched by https alone")


def _written(answer: httpx.Response, file: IO[bytes]) -> Iterator[int]:
    """Write an answer to a file as it comes, so that a cut loses none of it. Yields how many bytes have come."""
    done = 0
    for chunk in answer.iter_raw():
        file.write(chunk)
        done += len(chunk)
        yield done


def _extent(answer: httpx.Response) -> tuple[int, int | None]:
    """At which byte an answer starts, and how long the whole file is, if it says so."""
    if answer.status_code == 200:
        length = answer.headers.get("Content-Length")
        return 0, int(length) if length else None
    said = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if not said:
        raise _CutOff("the server gave a part without saying which")
    return int(said[1]), None if said[2] == "*" else int(said[2])


def _tag(answer: httpx.Response) -> str | None:
    """What identifies these very bytes to the server: a strong entity tag (RFC 9110, 8.8.3), or nothing."""
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else None


def _wait(answer: httpx.Response) -> float | None:
    said = answer.headers.get("Retry-After", "")
    return float(said) if said.isdigit() else None


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")
