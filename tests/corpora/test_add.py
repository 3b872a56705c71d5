"""Taking a corpus in: checked first, copied whole, compared, tracked; and what is refused."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from emoflow.corpora import attached_features, read
from emoflow.corpora.acquire import copy_files
from emoflow.corpora.acquire.add import add
from emoflow.errors import CorpusError
from emoflow.files import locked, tree_digest
from emoflow.schema import Layout

NAMES = [
    "Actor_01/03-01-02-01-01-01-01.wav",
    "Actor_01/03-01-03-01-01-01-01.wav",
    "Actor_02/03-01-03-01-01-01-02.wav",
]


@pytest.fixture
def source(tmp_path) -> Path:
    folder = tmp_path / "shipped"
    for number, name in enumerate(NAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(os.urandom(1000 + number))
    (folder / "Actor_01" / "._03-01-02-01-01-01-01.wav").write_bytes(b"mac")
    return folder


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """data/raw in what looks like a DVC project; `dvc add` itself is only written down."""
    (tmp_path / "project" / ".dvc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr("emoflow.corpora.acquire.raw_data.run_group", lambda *args, **kwargs: 0)
    return Path("data/raw")


def quiet(corpus, source, **rest):
    return add(corpus, source, say=lambda _: None, **rest)


def test_recordings_that_validation_would_refuse_are_named_at_once(tmp_path, root):
    rate = 8000
    for name, seconds in (("joy/S1/long.wav", 1.0), ("joy/S2/short.wav", 0.05), ("anger/S1/fine.wav", 0.4)):
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "own" / name, np.zeros(int(rate * seconds)), rate)
    (tmp_path / "own" / "anger" / "S2").mkdir()
    (tmp_path / "own" / "anger" / "S2" / "broken.wav").write_bytes(b"RIFF cut off")
    told = []
    add("mylab", tmp_path / "own", shortest_s=0.3, root=root, say=told.append)
    (broken,) = [line for line in told if "length cannot be read" in line]
    assert broken.startswith("1 recording(s)") and broken.endswith("anger/S2/broken.wav")
    (short,) = [line for line in told if "shorter than 0.3 s" in line]
    assert short.startswith("1 recording(s)") and short.endswith("joy/S2/short.wav (0.05 s)")


def test_every_byte_and_no_link(source, root):
    told = []
    folder = add("ravdess", source, root=root, say=told.append)
    assert folder == root / "ravdess"
    assert tree_digest([folder]) != tree_digest([root])
    for path in source.rglob("*"):
        copy = folder / path.relative_to(source)
        if path.is_file() and not path.name.startswith("._"):
            assert copy.read_bytes() == path.read_bytes()
            assert (
                copy.stat().st_nlink == 1
                and copy.stat().st_ino != path.stat().st_ino
                and not copy.is_symlink()
            )
            assert copy.stat().st_mtime_ns == path.stat().st_mtime_ns
    assert [path.name for path in root.iterdir()] == ["ravdess"]
    assert "3 utterances of 2 speakers" in told[0] and "operating system" in told[1]


def test_the_same_again_copies_nothing(source, root, monkeypatch):
    quiet("ravdess", source, root=root)
    monkeypatch.setattr("emoflow.corpora.acquire.add.copy_all", lambda *_, **__: pytest.fail("copied again"))
    told = []
    add("ravdess", source, root=root, say=told.append)
    assert any("already exists with the same content" in each for each in told)


def test_other_content_is_refused_and_kept(source, root):
    folder = quiet("ravdess", source, root=root)
    before = tree_digest([folder])
    (source / NAMES[0]).write_bytes(b"changed")
    (source / NAMES[1]).unlink()
    (source / "Actor_02" / "03-01-04-01-01-01-02.wav").write_bytes(b"new")
    with pytest.raises(CorpusError) as refused:
        quiet("ravdess", source, root=root)
    said = str(refused.value)
    for part in (
        f"{NAMES[0]} (other content)",
        f"{NAMES[1]} (only there)",
        "02.wav (not there)",
        "To replace it: dvc rem",
    ):
        assert part in said
    assert tree_digest([folder]) == before


def test_a_tracked_corpus_whose_data_is_elsewhere(source, root):
    root.mkdir(parents=True)
    (root / "ravdess.dvc").write_text("outs: []")
    with pytest.raises(CorpusError, match="dvc checkout"):
        quiet("ravdess", source, root=root)


def test_links_that_lead_out_are_refused_before_anything_is_written(source, root, tmp_path):
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (source / "Actor_01" / "03-01-05-01-01-01-01.wav").symlink_to(tmp_path / "secret.wav")
    with pytest.raises(CorpusError, match=r"03-01-05-01-01-01-01.wav \(a link out of the folder"):
        quiet("ravdess", source, root=root)
    assert not root.exists()


def test_a_link_within_becomes_a_file(source, root):
    (source / "Actor_02" / "03-01-05-01-01-01-02.wav").symlink_to(source / NAMES[2])
    copy = quiet("ravdess", source, root=root) / "Actor_02" / "03-01-05-01-01-01-02.wav"
    assert not copy.is_symlink() and copy.read_bytes() == (source / NAMES[2]).read_bytes()


def test_outside_a_dvc_project(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CorpusError, match="not in a DVC project"):
        quiet("ravdess", source, root=tmp_path / "data" / "raw")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda source: source.parent / "nowhere", "is not a folder"),
        (lambda source: source / NAMES[0], "is not a folder"),
        (lambda source: source.parent, r"shipped (in it )?does; give that folder"),
        (lambda source: source / "Actor_01", "shipped does; give that folder"),
    ],
)
def test_a_source_that_is_not_the_corpus(source, root, make, said):
    with pytest.raises(CorpusError, match=said):
        quiet("ravdess", make(source), root=root)
    assert not root.exists()


DROPPINGS = ".DS_Store", "Actor_01/Thumbs.db", "__MACOSX/Actor_01/._x", ".git/HEAD", ".git/objects/ab/cd"


def test_what_systems_and_git_leave_is_left_out_and_said_once(source, root):
    for name in DROPPINGS:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(b"x")
    (source / ".git" / "link").symlink_to("/")
    told = []
    folder = add("ravdess", source, root=root, say=told.append)
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == sorted(
        Path(name).name for name in NAMES
    )
    assert len([each for each in told if ".DS_Store" in each]) == 1
    (source / ".git" / "index").write_bytes(b"changed")
    (folder / ".DS_Store").write_bytes(b"a visit by the Finder")
    add("ravdess", source, root=root, say=told.append)
    assert "already exists with the same content" in told[-2]


def test_a_git_clone_may_keep_files_named_like_gits(source, root):
    (source / ".gitattributes").write_text("*.wav filter=lfs")
    folder = quiet("ravdess", source, root=root)
    assert (folder / ".gitattributes").is_file()


@pytest.mark.parametrize("name", ["a" * 251 + ".wav", "ä" * 125 + ".wav"])
def test_a_name_as_long_as_file_systems_take(root, tmp_path, name):
    source = tmp_path / "shipped" / "joy"
    source.mkdir(parents=True)
    (source / name).write_bytes(b"sound")
    assert (quiet("mylab", source.parent, root=root) / "joy" / name).read_bytes() == b"sound"


def test_a_full_disk_leaves_nothing(source, root, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(copy_files.shutil, "copyfile", full)
    monkeypatch.setattr(copy_files.fcntl, "ioctl", full)
    with pytest.raises(CorpusError, match=r"is full: the corpus is 0\.00 GB"):
        quiet("ravdess", source, root=root)
    assert list(root.iterdir()) == []


def test_cut_off_it_goes_on_with_what_is_missing(source, root, monkeypatch):
    replace, copied = Path.replace, []

    def cut(self, target):
        if len(copied) == 2:
            raise KeyboardInterrupt
        copied.append(target.name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", cut)
    with pytest.raises(KeyboardInterrupt):
        quiet("ravdess", source, root=root, workers=1)
    assert not (root / "ravdess").exists() and len(copied) == 2
    again = []
    monkeypatch.setattr(
        Path, "replace", lambda self, target: (again.append(target.name), replace(self, target))
    )
    folder = quiet("ravdess", source, root=root, workers=1)
    assert not set(again) & set(copied) and len(again) == 1
    assert copy_files.differences(copy_files.files_of(source), folder) == []


def test_two_at_once(source, root):
    with locked(root / ".ravdess.partial"), pytest.raises(CorpusError, match="another process"):
        quiet("ravdess", source, root=root)


def test_a_feature_table_comes_along(source, root, tmp_path):
    table = tmp_path / "openface.csv"
    table.write_text("AU01,name\n0.5,01-01-03-01-01-01-02\n")
    told = []
    folder = add("ravdess", source, features={"face": table}, root=root, say=told.append)
    assert (folder / "attached" / "face.csv").read_bytes() == table.read_bytes()
    assert any("modality face: 1 features of 1 of 3 utterances" in each for each in told)
    assert list(
        attached_features("ravdess", folder, read("ravdess", folder).table["utterance_id"])["face"].tokens
    ) == ["ravdess/01-03-01-01-01-02"]


@pytest.mark.parametrize(
    ("modality", "content", "said"),
    [
        ("face", "AU01,name\n0.5,01-01-08-01-01-01-02\n", "none of its clips"),
        ("../face", "AU01,name\n0.5,01-01-03-01-01-01-02\n", "is not a valid modality name"),
        ("face", None, "does not exist"),
    ],
)
def test_a_feature_table_that_does_not_fit_stops_it_before_the_copy(
    source, root, tmp_path, modality, content, said
):
    if content:
        (tmp_path / "table.csv").write_text(content)
    with pytest.raises(CorpusError, match=said):
        quiet("ravdess", source, features={modality: tmp_path / "table.csv"}, root=root)
    assert not root.exists()


def test_dvc_failing_is_said(source, root, monkeypatch):
    def failing(command, *, on_line, cwd):
        on_line("ERROR: cache is read-only")
        return 255

    monkeypatch.setattr("emoflow.corpora.acquire.raw_data.run_group", failing)
    with pytest.raises(CorpusError, match="is in place, but dvc add failed: ERROR: cache is read-only"):
        quiet("ravdess", source, root=root)


@pytest.mark.slow
def test_dvc_tracks_it(source, tmp_path, monkeypatch):
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    dvc = Path(sys.executable).parent / "dvc"
    subprocess.run([dvc, "init", "--quiet", "--no-scm"], check=True)
    quiet("ravdess", source)
    assert (project / "data" / "raw" / "ravdess.dvc").is_file()
    status = subprocess.run([dvc, "status", "--json"], check=True, capture_output=True, text=True)
    assert status.stdout.strip() == "{}"


@pytest.mark.parametrize(
    "name",
    ["../up", "a/b", "", ".hidden", "Ravdess", "my lab", "a" * 65, "lab.dvc", "lab.json", "lab.partial"],
)
def test_names_that_are_no_names(source, root, name):
    with pytest.raises(CorpusError, match="is not a valid corpus name"):
        quiet(name, source, root=root)
    assert not root.exists()


def test_a_corpus_of_ones_own_and_what_it_was_taken_for(source, root):
    told = []
    for name, layout in (("mylab", Layout()), ("myravdess", Layout(layout="ravdess"))):
        add(name, source, stated=layout, root=root, say=told.append)
    assert told[0].endswith("read as a folder")
    assert "it looks like ravdess; to read it so, in params.yaml: layouts: {mylab: {layout: ravdess}}" in told
    assert sum("read as a" in each or "looks like" in each for each in told) == 2
    assert set(read("myravdess", root / "myravdess", Layout(layout="ravdess")).table["label"]) == {
        "calm",
        "happiness",
    }


def test_another_corpus_than_it_says(source, root):
    with pytest.raises(CorpusError, match="it looks like ravdess"):
        quiet("iemocap", source, root=root)


def test_an_unfinished_copy_is_told(source, root):
    (source / "Actor_02" / "03-01-05-01-01-01-02.wav").touch()
    told = []
    add("ravdess", source, root=root, say=told.append)
    assert any("1 file(s) of 0 bytes" in each and "03-01-05-01-01-01-02.wav" in each for each in told)


def own(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def test_what_the_labels_were_taken_for_is_told(root, tmp_path):
    source = own(tmp_path / "mine", "Freude/1.wav", "ilo/1.wav", "sad/1.wav", "hangry/1.wav", "sad/notes.pdf")
    (source / "sad" / "plan.pdf").touch()
    told = []
    add("mylab", source, root=root, say=told.append)
    (labels,) = (each for each in told if each.startswith("labels: "))
    assert "happiness 2 (Freude, ilo)" in labels and "sadness 1 (sad)" in labels
    assert "not emotions that emoflow knows, so classes of their own: hangry" in labels
    assert "layouts: {mylab: {labels: {hangry: happiness}}}" in labels
    (unread,) = (each for each in told if each.startswith("not read: "))
    assert "2 (not a recording" in unread and unread.endswith("sad/notes.pdf, sad/plan.pdf")


def test_one_label_s_folder_is_refused_and_the_right_one_named(root, tmp_path):
    source = own(tmp_path / "mine", "happy/ann/1.wav", "happy/bo/1.wav", "sad/ann/1.wav")
    with pytest.raises(CorpusError, match=f"folder of one label, happy.* give {source}$"):
        quiet("mylab", source / "happy", root=root)
    assert not root.exists()
    quiet("mylab", source, root=root)


def test_which_words_each_label_was_made_of_is_told(root, tmp_path):
    source = own(tmp_path / "mine", "OAF_Fear/1.wav", "YAF_fear/1.wav", "OAF_Pleasant_surprise/1.wav")
    told = []
    add("mylab", source, root=root, say=told.append)
    assert "labels: fear 2 (OAF_Fear, YAF_fear), surprise 1 (OAF_Pleasant_surprise)" in told


def test_a_flat_folder_of_a_known_corpus_under_another_name(root, tmp_path):
    source = own(tmp_path / "mine", *(Path(name).name for name in NAMES))
    with pytest.raises(
        CorpusError,
        match=r"it looks like ravdess; to read it so, in params\.yaml: layouts: \{mylab: \{layout: ravdess\}\}",
    ):
        quiet("mylab", source, root=root)
    quiet("mylab", source, root=root, stated=Layout("ravdess"))
