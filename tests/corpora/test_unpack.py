"""Unpacking what somebody else has packed: plain files, within the folder, all or nothing."""

import io
import stat
import tarfile
import zipfile

import pytest
from emoflow.corpora.acquire.unpack import unpack
from emoflow.errors import CorpusError

FILES = {"Actor_01/a.wav": b"sound" * 1000, "Actor_02/b.wav": b"", "table.csv": b"1,2"}


def zipped(path, files=FILES, links=()):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as held:
        held.mkdir("Actor_03")
        for name, content in files.items():
            held.writestr(name, content)
        for name in links:
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            held.writestr(info, "/etc/passwd")
    return path


def tarred(path, files=FILES, links=(), mode="w:gz"):
    with tarfile.open(path, mode) as held:
        held.addfile(_entry("Actor_03", type=tarfile.DIRTYPE))
        for name, content in files.items():
            held.addfile(_entry(name, size=len(content)), io.BytesIO(content))
        for name in links:
            held.addfile(_entry(name, type=tarfile.SYMTYPE, linkname="/etc/passwd"))
    return path


def _entry(name, **facts):
    info = tarfile.TarInfo(name)
    for key, value in facts.items():
        setattr(info, key, value)
    return info


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture(params=["a.zip", "a.tar", "a.tar.gz", "a.tar.xz"])
def packed(request, tmp_path):
    def make(**what):
        path = tmp_path / request.param
        mode = {".tar": "w", ".gz": "w:gz", ".xz": "w:xz"}.get(path.suffix)
        return zipped(path, **what) if mode is None else tarred(path, mode=mode, **what)

    return make


def test_every_file(packed, tmp_path):
    folder = unpack(packed(), tmp_path / "out")
    assert contents(folder) == FILES


def test_elsewhere_and_not_all(packed, tmp_path):
    def placed(name):
        return None if name == "table.csv" else name.partition("/")[2]

    folder = unpack(packed(), tmp_path / "out", placed=placed)
    assert contents(folder) == {"a.wav": FILES["Actor_01/a.wav"], "b.wav": b""}


def test_twice_is_once(packed, tmp_path):
    archive = packed()
    folder = unpack(archive, tmp_path / "out")
    archive.write_bytes(b"")
    assert unpack(archive, tmp_path / "out") == folder


@pytest.mark.parametrize("name", ["../out.wav", "/tmp/out.wav", "a/../../out.wav", "C:/out.wav", "a\\..\\b"])  # noqa: S108
def test_names_that_lead_out_are_refused(packed, tmp_path, name):
    before = sorted(tmp_path.iterdir())
    archive = packed(files={"a.wav": b"fine", name: b"evil"})
    with pytest.raises(CorpusError, match="leads out of the folder"):
        unpack(archive, tmp_path / "deep" / "out")
    assert sorted(tmp_path.iterdir()) == sorted([*before, archive, tmp_path / "deep"])
    assert contents(tmp_path / "deep") == {}


def test_links_are_refused(packed, tmp_path):
    with pytest.raises(CorpusError, match="is a link or a device"):
        unpack(packed(links=["Actor_01/link.wav"]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_members_in_one_place_are_refused(packed, tmp_path):
    with pytest.raises(CorpusError, match=r"same\.wav comes twice"):
        unpack(packed(), tmp_path / "out", placed=lambda _: "same.wav")


def test_a_file_that_is_a_folder_too_is_refused(packed, tmp_path):
    with pytest.raises(CorpusError, match="comes as a file and as a folder"):
        unpack(packed(files={"a": b"file", "a/b.wav": b"in it"}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_encrypted_archive(tmp_path):
    archive = zipped(tmp_path / "a.zip")
    content = bytearray(archive.read_bytes())
    start = content.index(b"PK\x01\x02", content.index(b"Actor_03/") + 200)  # a file's entry in the directory
    content[start + 8] |= 1
    archive.write_bytes(bytes(content))
    with pytest.raises(CorpusError, match=r"is broken: .*(encrypted|password)"):
        unpack(archive, tmp_path / "out")


def test_a_broken_archive(packed, tmp_path):
    archive = packed(files={"a.wav": bytes(range(256)) * 4000})
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    with pytest.raises(CorpusError, match="is broken"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_archive(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"<html>not found</html>")
    with pytest.raises(CorpusError, match="is broken"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
