import hashlib
import os

import httpx
import pytest
from emoflow.errors import DownloadError, SettingsError
from emoflow.storage import assets
from emoflow.storage.download import ATTEMPTS
from emoflow.storage.install import install
from file_server import serving

CONTENT = os.urandom(300_000)
URL = "https://example.org/model.bin"


@pytest.fixture(autouse=True)
def _pinned(monkeypatch):
    held = assets.Asset("model", hashlib.sha256(CONTENT).hexdigest(), "model.bin", "MIT", URL)
    monkeypatch.setitem(assets.ASSETS, "model", held)


def test_an_asset_is_put_in_place_once_checked(tmp_path):
    source, dest = tmp_path / "download", tmp_path / "deep" / "model.bin"
    source.write_bytes(CONTENT)
    with pytest.raises(SettingsError, match=r"model is not at .*emoflow assets add model FILE-OR-URL.*MIT"):
        assets.require("model", dest)
    assert install("model", source, dest) == dest
    assert assets.require("model", dest).read_bytes() == CONTENT
    source.unlink()
    assert install("model", source, dest) == dest  # nothing to do


def test_other_bytes_are_refused_and_what_was_there_stays(tmp_path):
    source, dest = tmp_path / "download", tmp_path / "model.bin"
    source.write_bytes(CONTENT[:-1])
    dest.write_bytes(b"an older one")
    with pytest.raises(SettingsError, match=r"not the pinned model: sha256 .* expected"):
        install("model", source, dest)
    assert dest.read_bytes() == b"an older one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["download", "model.bin"]
    with pytest.raises(SettingsError, match="not the pinned model"):
        assets.require("model", dest)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("nothing.bin", "cannot be read"),
        ("http://example.org/model.bin", "only https"),
        ("file:///etc/hostname", "only https"),
    ],
)
def test_only_files_and_https_are_sources(source, reason, tmp_path):
    with pytest.raises(SettingsError, match=reason):
        install("model", source, tmp_path / "model.bin")


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(SettingsError, match="no asset is called 'modle'; there are: face-landmarker, model"):
        assets.asset("modle")


@pytest.fixture
def owner(monkeypatch):
    """A server of files; what is asked of example.org over https is sent to it, since it has no certificate."""
    send = httpx.HTTPTransport.handle_request
    with serving() as served:
        served.files["model.bin"] = CONTENT

        def handle(transport, request):
            assert request.url.scheme == "https"
            request.url = httpx.URL(served.base + request.url.path)
            return send(transport, request)

        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
        monkeypatch.setattr("emoflow.storage.download.time.sleep", lambda _: None)
        yield served


def test_an_asset_is_downloaded_and_an_interrupted_download_resumes(owner, tmp_path):
    dest = tmp_path / "models" / "landmarks.bin"
    owner.cuts["model.bin"] = [100_000] + [0] * ATTEMPTS
    with pytest.raises(DownloadError, match=r"0\.1 MB of model\.bin are kept: run the same command again"):
        install("model", URL, dest)
    assert not dest.exists()
    owner.asked.clear()
    owner.cuts.clear()
    install("model", URL, dest)
    assert owner.asked == [("model.bin", "bytes=100000-")]
    assert dest.read_bytes() == CONTENT and list(dest.parent.iterdir()) == [dest]


def test_a_download_of_other_bytes_leaves_what_was_there(owner, tmp_path):
    dest = tmp_path / "model.bin"
    dest.write_bytes(b"an older one")
    owner.files["model.bin"] = CONTENT[:-1]
    with pytest.raises(DownloadError, match=r"serves another model\.bin than expected: sha256:"):
        install("model", URL, dest)
    assert dest.read_bytes() == b"an older one"
