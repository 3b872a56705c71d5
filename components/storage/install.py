"""Putting a pinned asset in place: from a file or an https address, verified before it replaces anything."""

import shutil
from pathlib import Path

from ..errors import SettingsError
from ..files import PARTIAL, file_digest, locked, replacing
from .assets import Asset, asset
from .download import Remote, download, http_client


def install(name: str, source: str | Path, dest: str | Path) -> Path:
    """Copy an asset from a file, or download it, to ``dest`` if its digest is the pinned one.

    ``dest`` is untouched until the whole file is verified. An interrupted download resumes when called again.

    Args:
        name: a key of ``assets.ASSETS``.
        source: a path, or an https address.

    Returns:
        ``dest``.

    Raises:
        SettingsError: the asset is unknown, the source cannot be read, or it holds other bytes.
        DownloadError: the address cannot be downloaded, or serves other bytes.
    """
    pinned, dest = asset(name), Path(dest)
    if dest.is_file() and file_digest(dest) == pinned.sha256:
        return dest
    if "://" in str(source):
        _download(pinned, str(source), dest)
    else:
        _copy(pinned, Path(source), dest)
    return dest


def _download(pinned: Asset, url: str, dest: Path) -> None:
    if not url.startswith("https://"):
        raise SettingsError(f"{url}: only https is accepted")
    folder = dest.parent / f".{dest.name}{PARTIAL}"
    with locked(folder), http_client() as client:
        remote = Remote(pinned.file, (url,), f"sha256:{pinned.sha256}")
        download(remote, folder, client=client).replace(dest)
        shutil.rmtree(folder)


def _copy(pinned: Asset, source: Path, dest: Path) -> None:
    with replacing(dest) as temporary:
        try:
            shutil.copyfile(source, temporary)
        except OSError as error:
            raise SettingsError(f"{source} cannot be read: {error.strerror}") from None
        found = file_digest(temporary)
        if found != pinned.sha256:
            raise SettingsError(
                f"{source} is not the pinned {pinned.name}: sha256 {found}, expected {pinned.sha256}"
            )
