import hashlib

import pytest
from emoflow.errors import SettingsError
from emoflow.storage import assets

CONTENT = b"weights" * 1000


@pytest.fixture(autouse=True)
def _pinned(monkeypatch):
    held = assets.Asset(
        "model", hashlib.sha256(CONTENT).hexdigest(), "model.bin", "MIT", "https://example.org/model.bin"
    )
    monkeypatch.setitem(assets.ASSETS, "model", held)


def test_an_asset_is_put_in_place_once_checked(tmp_path):
    source, dest = tmp_path / "download", tmp_path / "deep" / "model.bin"
    source.write_bytes(CONTENT)
    with pytest.raises(SettingsError, match=r"model is not at .*emoflow assets add model FILE-OR-URL.*MIT"):
        assets.require("model", dest)
    assert assets.install("model", source, dest) == dest
    assert assets.require("model", dest).read_bytes() == CONTENT
    source.unlink()
    assert assets.install("model", source, dest) == dest  # nothing to do


def test_other_bytes_are_refused_and_what_was_there_stays(tmp_path):
    source, dest = tmp_path / "download", tmp_path / "model.bin"
    source.write_bytes(CONTENT[:-1])
    dest.write_bytes(b"an older one")
    with pytest.raises(SettingsError, match=r"not the model that is pinned: sha256 .* expected"):
        assets.install("model", source, dest)
    assert dest.read_bytes() == b"an older one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["download", "model.bin"]
    with pytest.raises(SettingsError, match="not the model that is pinned"):
        assets.require("model", dest)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("nothing.bin", "cannot be read"),
        ("http://example.org/model.bin", "https alone"),
        ("file:///etc/hostname", "https alone"),
    ],
)
def test_only_files_and_https_are_sources(source, reason, tmp_path):
    with pytest.raises(SettingsError, match=reason):
        assets.install("model", source, tmp_path / "model.bin")


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(SettingsError, match="no asset is called 'modle'; there are: face-landmarker, model"):
        assets.asset("modle")
