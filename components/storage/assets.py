"""Files that the package registry does not ship: pinned by digest, put in place by one command."""

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

from ..errors import SettingsError, listed
from ..files import file_digest, replacing


@dataclass(frozen=True)
class Asset:
    name: str
    sha256: str
    file: str
    """The name under which its owner ships it."""
    licence: str
    url: str
    """Where its owner keeps it."""


ASSETS = {
    asset.name: asset
    for asset in (
        Asset(
            name="face-landmarker",
            sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
            file="face_landmarker.task",
            licence="Apache-2.0 (Google, MediaPipe)",
            url="https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
            "face_landmarker.task",
        ),
    )
}


def asset(name: str) -> Asset:
    """What is known of an asset. Raises SettingsError for a name that is not known."""
    if name not in ASSETS:
        raise SettingsError(f"no asset is called {name!r}; there are: {listed(ASSETS)}")
    return ASSETS[name]


def require(name: str, path: str | Path) -> Path:
    """The asset's file, if it is there and is the one pinned.

    Raises:
        SettingsError: it is missing, or other bytes; with the command that puts it there.
    """
    pinned, path = asset(name), Path(path)
    mend = (
        f"put it there with: emoflow assets add {name} FILE-OR-URL   "
        f"({pinned.file}, {pinned.licence}, from {pinned.url})"
    )
    if not path.is_file():
        raise SettingsError(f"the asset {name} is not at {path}; {mend}")
    found = file_digest(path)
    if found != pinned.sha256:
        raise SettingsError(
            f"{path} is not the {name} that is pinned: sha256 {found}, expected {pinned.sha256}; {mend}"
        )
    return path


def install(name: str, source: str | Path, dest: str | Path) -> Path:
    """Copy an asset from a file or an https address to ``dest``, if its digest is the one pinned.

    ``dest`` is untouched until the whole file has been checked.

    Raises:
        SettingsError: an unknown asset, another address than https, a source that cannot be read, other bytes.
    """
    pinned, dest = asset(name), Path(dest)
    if dest.is_file() and file_digest(dest) == pinned.sha256:
        return dest
    with replacing(dest) as temporary:
        digest = hashlib.sha256()
        with temporary.open("wb") as file:
            for block in _blocks(source):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != pinned.sha256:
            raise SettingsError(
                f"{source} is not the {name} that is pinned: sha256 {digest.hexdigest()}, expected {pinned.sha256}"
            )
    return dest


def _blocks(source: str | Path, size: int = 1 << 20) -> Iterator[bytes]:
    if "://" not in str(source):
        try:
            with Path(source).open("rb") as file:
                while block := file.read(size):
                    yield block
        except OSError as error:
            raise SettingsError(f"{source} cannot be read: {error.strerror}") from None
        return
    if not str(source).startswith("https://"):
        raise SettingsError(f"{source}: assets are fetched by https alone")
    try:
        with urlopen(Request(str(source)), timeout=60) as answer:  # noqa: S310 (https, checked above)
            if not answer.geturl().startswith("https://"):
                raise SettingsError(f"{source} leads to {answer.geturl()}: assets are fetched by https alone")
            total, done = int(answer.headers.get("Content-Length") or 0), 0
            while block := answer.read(size):
                done += len(block)
                if sys.stderr.isatty():
                    of = f" of {total / 1e6:.1f}" if total else ""
                    print(f"\r{done / 1e6:.1f}{of} MB", end="", file=sys.stderr, flush=True)
                yield block
            if sys.stderr.isatty():
                print(file=sys.stderr)
    except OSError as error:
        raise SettingsError(f"{source} cannot be fetched: {error}") from None
