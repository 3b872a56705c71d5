"""Tarballs from a registry that npm is configured for: only the exact version, and nothing of a package is run."""

import base64
import hashlib
import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import absent
from emoflow.errors import DownloadError
from emoflow.storage import npm
from wheels import write_tarball

PACKAGE = "@owner/tiny-model"


@pytest.fixture
def installed():
    if shutil.which("npm") is None:
        absent("npm", "npm is not installed")


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """Without what this machine's configuration says of npm."""
    for name in ("userconfig", "globalconfig"):
        monkeypatch.setenv(f"npm_config_{name}", str(tmp_path / name))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setattr(npm, "RETRIES", 0)


@pytest.fixture
def registry(tmp_path, monkeypatch, alone):
    """A registry with version 1.0.0 of one package, whose scripts would leave a file."""
    scripts = dict.fromkeys(("prepack", "prepare", "install", "postinstall"), f"touch {tmp_path / 'run'}")
    manifest = {"name": PACKAGE, "version": "1.0.0", "scripts": scripts}
    files = {"package/package.json": json.dumps(manifest).encode(), "package/model.bin": b"weights"}
    content = write_tarball(tmp_path / "registry", "tiny", files).read_bytes()
    integrity = f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self):
            base = f"http://{self.headers['Host']}"
            dist = {"tarball": f"{base}/tiny.tgz", "integrity": integrity}
            versions = {"1.0.0": manifest | {"dist": dist}}
            document = {"name": PACKAGE, "dist-tags": {"latest": "1.0.0"}, "versions": versions}
            known = {"/tiny.tgz": content, "/@owner%2ftiny-model": json.dumps(document).encode()}
            body = known.get(self.path)
            self.send_response(200 if body else 404)
            self.end_headers()
            self.wfile.write(body or b"{}")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("installed")
def test_a_package_is_downloaded_as_it_is_and_none_of_its_scripts_run(registry, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (tarball,) = npm.download({PACKAGE: "1.0.0"}, out)
    assert tarball.is_relative_to(out)
    assert tarball.read_bytes() == (tmp_path / "registry/tiny.tgz").read_bytes()
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("package", "said"),
    [
        ({PACKAGE: "1.0.1"}, r"npm cannot download @owner/tiny-model 1\.0\.1: No matching version"),
        ({"@owner/other": "1.0.0"}, r"npm cannot download @owner/other 1\.0\.0: Not Found"),
    ],
)
def test_what_the_registry_lacks_is_named(registry, tmp_path, package, said):
    with pytest.raises(DownloadError, match=said):
        npm.download(package, tmp_path)


@pytest.mark.usefixtures("installed")
def test_without_a_network_it_says_so(alone, tmp_path):
    with pytest.raises(DownloadError, match=r"1\.0\.0: the package registry is not reachable"):
        npm.download({PACKAGE: "1.0.0"}, tmp_path)


def test_without_npm_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DownloadError, match=r"npm, .*, is not installed: install Node\.js"):
        npm.download({PACKAGE: "1.0.0"}, tmp_path)
