"""Files that the package registry does not ship, pinned by digest: which there are, and whether one is in place."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import SettingsError, listed
from ..files import file_digest


@dataclass(frozen=True)
class Asset:
    """A pinned file.

    Attributes:
        name: what emoflow calls it.
        sha256: of its bytes, hexadecimal.
        file: the name under which its owner publishes it.
        licence: its licence and owner.
        url: where its owner publishes it.
    """

    name: str
    sha256: str
    file: str
    licence: str
    url: str


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
    """The asset of that name. Raises SettingsError for an unknown one."""
    if name not in ASSETS:
        raise SettingsError(f"no asset is called {name!r}; there are: {listed(ASSETS)}")
    return ASSETS[name]


def require(name: str, path: str | Path) -> Path:
    """Return ``path`` if it holds the pinned asset.

    Raises:
        SettingsError: the file is missing or has other bytes; the message gives the command that installs it.
    """
    pinned, path = asset(name), Path(path)
    fix = (
        f"install it with: emoflow assets add {name} FILE-OR-URL   "
        f"({pinned.file}, {pinned.licence}, from {pinned.url})"
    )
    if not path.is_file():
        raise SettingsError(f"the asset {name} is not at {path}; {fix}")
    found = file_digest(path)
    if found != pinned.sha256:
        raise SettingsError(
            f"{path} is not the pinned {name}: sha256 {found}, expected {pinned.sha256}; {fix}"
        )
    return path
