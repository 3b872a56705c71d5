"""Fetching corpora from servers like their owners': what arrives in data/raw, what is kept, what is refused."""

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from hashlib import md5, sha256
from pathlib import Path

import pytest
from emoflow.corpora import read
from emoflow.corpora.acquire import sources
from emoflow.corpora.acquire.fetch import Addresses, fetch
from emoflow.corpora.adapters.meld.adapter import SPLITS
from emoflow.corpora.lfs_pointers import pointer
from emoflow.errors import CorpusError, DownloadError
from emoflow.files import tree_digest
from emoflow.storage.download import Remote
from file_server import serving

WORK = Path(".emoflow/fetch")
RECORD = f"records/{sources.RAVDESS_RECORD}/files"
CSV = (
    "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\r\n"
)
ROW = '1,Oh no,Joey,fear,negative,0,{},8,21,"00:16:16,059","00:16:21,731"\r\n'


@pytest.fixture
def served():
    with serving() as server:
        yield server


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """data/raw in what looks like a DVC project; `dvc add` itself is only written down."""
    (tmp_path / "project" / ".dvc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr("emoflow.corpora.acquire.raw_data.run_group", lambda *args, **kwargs: 0)
    return Path("data/raw")


def zipped(names) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in names:
            archive.writestr(name, os.urandom(2000))
    return held.getvalue()


def tarred(files) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return held.getvalue()


@pytest.fixture
def zenodo(served, monkeypatch) -> Addresses:
    """Zenodo with small archives of RAVDESS: speech's digest is known beforehand, song's is told by the record."""
    speech = zipped([f"Actor_0{actor}/03-01-03-01-01-01-0{actor}.wav" for actor in (1, 2)])
    song = zipped([f"Actor_0{actor}/03-02-03-01-01-01-0{actor}.wav" for actor in (1, 2)])
    names = "Audio_Speech_Actors_01-24.zip", "Audio_Song_Actors_01-24.zip"
    served.files |= {f"{RECORD}/{name}": each for name, each in zip(names, (speech, song), strict=True)}
    told = [{"key": names[1], "size": len(song), "checksum": f"md5:{_md5(song)}"}]
    served.files[f"api/records/{sources.RAVDESS_RECORD}"] = json.dumps({"files": told}).encode()
    monkeypatch.setattr(sources, "_ZENODO_KNOWN", {names[0]: (_md5(speech), len(speech))})
    return Addresses(zenodo=served.base)


def _md5(content: bytes) -> str:
    return md5(content, usedforsecurity=False).hexdigest()


def quiet(*args, **rest):
    return fetch(*args, say=lambda _: None, **rest)


def names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_ravdess_part_by_part(served, zenodo, root):
    told = []
    folder = fetch("ravdess", root=root, addresses=zenodo, say=told.append)
    assert names_in(folder) == [f"Actor_0{actor}/03-01-03-01-01-01-0{actor}.wav" for actor in (1, 2)]
    assert any("CC BY-NC-SA" in each for each in told) and any("--part song" in each for each in told)
    assert not (WORK / "ravdess").exists() and [path.name for path in root.iterdir()] == ["ravdess"]
    first = {name: (folder / name).read_bytes() for name in names_in(folder)}

    quiet("ravdess", ["song", "speech"], root=root, addresses=zenodo)
    assert len(names_in(folder)) == 4
    assert {name: (folder / name).read_bytes() for name in first} == first
    assert len(read("ravdess", folder).table) == 4
    speech = [path for path, _ in served.asked if "Speech" in path]
    assert len(speech) == 1  # what is here is not fetched again


def test_what_is_here_needs_no_server(zenodo, root):
    quiet("ravdess", root=root, addresses=zenodo)
    nobody = Addresses(zenodo="http://127.0.0.1:1")
    told = []
    fetch("ravdess", root=root, addresses=nobody, say=told.append)
    assert told == [f"speech: already in {root / 'ravdess'}"]


def test_cut_off_the_next_run_goes_on(served, zenodo, root, monkeypatch):
    monkeypatch.setattr("emoflow.storage.download.ATTEMPTS", 1)
    name = f"{RECORD}/Audio_Speech_Actors_01-24.zip"
    served.cuts[name] = [1000]
    with pytest.raises(DownloadError, match="run the same command again to resume"):
        quiet("ravdess", root=root, addresses=zenodo)
    assert not root.exists()
    quiet("ravdess", root=root, addresses=zenodo)
    assert (name, "bytes=1000-") in served.asked and len(names_in(root / "ravdess")) == 2


def test_another_archive_than_the_known_one_is_refused(served, zenodo, root):
    served.files[f"{RECORD}/Audio_Speech_Actors_01-24.zip"] = zipped(["Actor_01/03-01-03-01-01-01-01.wav"])
    with pytest.raises(DownloadError, match="serves another Audio_Speech_Actors_01-24"):
        quiet("ravdess", root=root, addresses=zenodo)
    assert not root.exists()


def test_an_archive_of_something_else_leaves_nothing(served, zenodo, root):
    song = zipped(["holiday/beach.jpg"])
    served.files[f"{RECORD}/Audio_Song_Actors_01-24.zip"] = song
    told = [{"key": "Audio_Song_Actors_01-24.zip", "size": len(song), "checksum": f"md5:{_md5(song)}"}]
    served.files[f"api/records/{sources.RAVDESS_RECORD}"] = json.dumps({"files": told}).encode()
    with pytest.raises(
        CorpusError, match=r"what was fetched cannot be put there: .*data/raw/ravdess is not RAVDESS"
    ):
        quiet("ravdess", ["song"], root=root, addresses=zenodo)
    assert list(root.iterdir()) == []


def test_an_archive_that_the_record_does_not_name(served, zenodo, root):
    served.files[f"api/records/{sources.RAVDESS_RECORD}"] = b'{"files": []}'
    with pytest.raises(DownloadError, match=r"does not list Audio_Song_Actors_01-24\.zip"):
        quiet("ravdess", ["song"], root=root, addresses=zenodo)


@pytest.mark.parametrize(
    ("corpus", "parts", "said"),
    [
        ("iemocap", (), "'iemocap' cannot be downloaded; these can: crema-d, meld, ravdess"),
        ("ravdess", ["dance"], r"ravdess has no part dance; it has: speech \("),
    ],
)
def test_what_cannot_be_fetched(root, corpus, parts, said):
    with pytest.raises(CorpusError, match=said):
        quiet(corpus, parts, root=root)


def test_a_tracked_corpus_that_is_elsewhere(zenodo, root):
    root.mkdir(parents=True)
    (root / "ravdess.dvc").write_text("outs: []")
    with pytest.raises(CorpusError, match="dvc checkout"):
        quiet("ravdess", root=root, addresses=zenodo)


@pytest.fixture
def meld(served, monkeypatch) -> Addresses:
    """MELD's annotations at two commits, its films in an archive of archives at the second of two addresses."""
    known = {}
    for split in ("train", "dev", "test"):
        table = (CSV + ROW.format(0) + ROW.format(1)).encode()
        known[f"{split}_sent_emo.csv"] = (f"c{split}", sha256(table).hexdigest(), len(table))
        served.files[f"git/c{split}/data/MELD/{split}_sent_emo.csv"] = table
    monkeypatch.setattr(sources, "_MELD_KNOWN", known)
    inner = {
        f"MELD.Raw/{split}.tar.gz": tarred(
            {f"{folder}/dia0_utt{number}.mp4": os.urandom(500) for number in (0, 1)}
            | {f"{folder}/._dia0_utt0.mp4": b"mac"}
        )
        for split, (_, folder) in SPLITS.items()
    }
    whole = tarred(
        inner | {"MELD.Raw/train_sent_emo.csv": b"an older table", "MELD.Raw/README.txt": b"hello"}
    )
    served.files["second/MELD.Raw.tar.gz"] = whole
    archive = Remote("MELD.Raw.tar.gz", (), f"sha256:{sha256(whole).hexdigest()}", len(whole))

    def media(*, bases):
        urls = tuple(f"{base}/{archive.name}" for base in bases)
        return Remote(archive.name, urls, archive.digest, archive.size)

    monkeypatch.setattr(sources, "meld_media", media)
    return Addresses(
        meld_annotations=f"{served.base}/git", meld_media=(f"{served.base}/first", f"{served.base}/second")
    )


def test_meld_text_then_films(meld, root):
    tables = [f"{split}_sent_emo.csv" for split in ("dev", "test", "train")]
    folder = quiet("meld", root=root, addresses=meld)
    assert names_in(folder) == tables
    quiet("meld", ["media"], root=root, addresses=meld)
    films = [f"{folder}/dia0_utt{number}.mp4" for _, folder in SPLITS.values() for number in (0, 1)]
    assert names_in(folder) == sorted(tables + films)
    assert (folder / "train_sent_emo.csv").read_text().startswith("Sr No.")
    assert read("meld", folder).table["video"].notna().sum() == 6


def test_films_bring_the_tables_along(meld, root):
    folder = quiet("meld", ["media"], root=root, addresses=meld)
    assert len(names_in(folder)) == 9


def test_another_file_in_its_place_stays_and_is_named(meld, root):
    mine = root / "meld" / "dev_sent_emo.csv"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    before = tree_digest([root])
    with pytest.raises(
        CorpusError, match=r"not what was fetched: dev_sent_emo\.csv\. To replace it: dvc remove"
    ):
        quiet("meld", root=root, addresses=meld)
    assert tree_digest([root]) == before


@pytest.fixture
def crema_d(served, tmp_path) -> Addresses:
    """A Git repository with Git LFS pointers for the clips, and the server of the clips."""
    repository = tmp_path / "origin"
    stems = [f"100{actor}_DFA_{emotion}_XX" for actor in (1, 2) for emotion in ("ANG", "HAP")]
    files = {f"AudioWAV/{stem}.wav": served.object(os.urandom(1000)) for stem in stems}
    files |= {f"VideoFlash/{stem}.flv": served.object(os.urandom(1000)) for stem in stems}
    files |= {"AudioMP3/1001_DFA_ANG_XX.mp3": served.object(b"mp3"), ".gitattributes": b"*.wav filter=lfs\n"}
    demographics = b'"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,"Male","Caucasian","Not Hispanic"\n'
    files["VideoDemographics.csv"] = demographics + b'1002,21,"Female","Caucasian","Not Hispanic"\n'
    for name, content in files.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_bytes(content)

    def git(*command) -> str:
        done = subprocess.run(
            ["git", "-C", repository, "-c", "user.name=a", "-c", "user.email=a@b.c", *command],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    git("init", "--quiet")
    git("config", "uploadpack.allowAnySHA1InWant", "true")
    plain = ["-c", "filter.lfs.clean=", "-c", "filter.lfs.process=", "-c", "filter.lfs.required=false"]
    git(*plain, "add", ".")
    git("commit", "--quiet", "-m", "clips")
    return Addresses(
        crema_d=repository.resolve().as_uri(),
        crema_d_commit=git("rev-parse", "HEAD"),
        crema_d_lfs=f"{served.base}/lfs",
    )


def test_crema_d_comes_as_recordings_not_pointers(served, crema_d, root):
    folder = quiet("crema-d", root=root, addresses=crema_d)
    assert len(names_in(folder)) == 5 and not (folder / "AudioMP3").exists()
    for wav in folder.glob("AudioWAV/*.wav"):
        assert (
            pointer(wav) is None and wav.read_bytes() == served.objects[sha256(wav.read_bytes()).hexdigest()]
        )
    quiet("crema-d", ["video"], root=root, addresses=crema_d)
    assert len(names_in(folder)) == 9
    table = read("crema-d", folder).table
    assert table["audio"].notna().all() and table["video"].notna().all()
    clips = [path for path, _ in served.asked if path.startswith("objects/")]
    assert len(clips) == len(set(clips)) == 8


def test_pointers_that_are_here_are_replaced_by_what_they_stand_for(served, crema_d, root, tmp_path):
    folder = root / "crema-d" / "AudioWAV"
    folder.mkdir(parents=True)
    for path in (tmp_path / "origin" / "AudioWAV").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    quiet("crema-d", root=root, addresses=crema_d)
    assert all(pointer(path) is None for path in folder.iterdir())


def test_a_clip_that_the_server_lacks(served, crema_d, root):
    lacking = sorted(served.objects)[0]
    content = served.objects.pop(lacking)
    if len(content) < 10:  # the one that nobody asks for
        lacking = sorted(served.objects)[0]
        served.objects.pop(lacking)
    with pytest.raises(
        DownloadError, match=rf"does not serve 1 object\(s\): {lacking[:12]}… \(Object does not"
    ):
        quiet("crema-d", ["video"], root=root, addresses=crema_d)
    assert not root.exists()


@pytest.mark.slow
def test_a_busy_clip_server_is_asked_again(served, crema_d, root):
    served.busy["lfs/objects/batch"] = [429, 503]
    assert len(names_in(quiet("crema-d", root=root, addresses=crema_d))) == 5


def test_a_commit_that_the_repository_lacks(crema_d, root):
    other = Addresses(crema_d=crema_d.crema_d, crema_d_commit="0" * 40, crema_d_lfs=crema_d.crema_d_lfs)
    with pytest.raises(DownloadError, match=r"git could not fetch 0{40}"):
        quiet("crema-d", root=root, addresses=other)


@pytest.mark.corpora
def test_the_digests_known_of_meld_are_those_of_its_tables(corpora):
    for remote in sources.meld_annotations(base="https://example.org"):
        content = (corpora / "meld" / remote.name).read_bytes()
        assert (remote.digest, remote.size) == (f"sha256:{sha256(content).hexdigest()}", len(content))


def test_every_archive_of_ravdess_has_a_part():
    archives = [name for held in sources.RAVDESS_ARCHIVES.values() for name in held]
    assert len(archives) == len(set(archives)) == 49
    assert set(sources._ZENODO_KNOWN) <= set(archives)
    assert {part.name for part in sources.PARTS["ravdess"]} == set(sources.RAVDESS_ARCHIVES)
    assert "Video_Song_Actor_18.zip" not in archives


@pytest.mark.slow
def test_dvc_tracks_what_grows(zenodo, tmp_path, monkeypatch):
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    dvc = Path(sys.executable).parent / "dvc"
    subprocess.run([dvc, "init", "--quiet", "--no-scm"], check=True)
    tracked = []
    for part in ("speech", "song"):
        quiet("ravdess", [part], addresses=zenodo)
        tracked.append((project / "data" / "raw" / "ravdess.dvc").read_text())
        status = subprocess.run([dvc, "status", "--json"], check=True, capture_output=True, text=True)
        assert status.stdout.strip() == "{}"
    assert "nfiles: 2" in tracked[0] and "nfiles: 4" in tracked[1]
