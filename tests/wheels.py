"""Tiny wheels, which a folder of them serves to pip as a registry (``--find-links``)."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest


def write_wheel(folder: Path, name: str, version: str, files: dict[str, bytes]) -> Path:
    """A wheel with these files in it.

    Args:
        folder: where.
        name: of the package, with dashes.
        version: of the package.
        files: path in the wheel → content.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    path = folder / f"{stem}-py3-none-any.whl"
    meta = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: there-is-no-such-thing\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in files.items():
            archive.writestr(each, content)
        for each, text in meta.items():
            archive.writestr(f"{stem}.dist-info/{each}", text)
    return path


def serve_wheels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pip take packages from ``folder``, and from nowhere else."""
    only_registry(monkeypatch)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pip ask a registry that does not answer."""
    only_registry(monkeypatch)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")


def only_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what this machine's configuration says of pip."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)


def write_tarball(folder: Path, name: str, files: dict[str, bytes]) -> Path:
    """A package as npm's registry has it, ``name.tgz``.

    Args:
        folder: where.
        name: of the file.
        files: path in the tarball → content.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for each, content in files.items():
            info = tarfile.TarInfo(each)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path
