"""`emoflow corpora list | add | fetch | describe`, as typed."""

import os
import re
import subprocess
from pathlib import Path

import emoflow
import numpy as np
import pytest
from conftest import ROOT
from emoflow import cli
from emoflow.errors import CorpusError, SettingsError
from PIL import Image
from typer.testing import CliRunner


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    (tmp_path / ".dvc").mkdir()
    text = (ROOT / "params.yaml").read_text()
    stated = "layouts: {mylab: {layout: folder, pattern: '(?P<speaker>\\w+)_(?P<label>\\w+)\\.wav'}}"
    (tmp_path / "params.yaml").write_text(text.replace("layouts: {}", stated))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("emoflow.corpora.acquire.raw_data.run_group", lambda *args, **kwargs: 0)
    return tmp_path


def typed(*words: str):
    return CliRunner().invoke(cli.app, ["corpora", *words])


def test_the_next_command_trains_on_what_came_along(project):
    (project / "shelf" / "joy").mkdir(parents=True)
    for clip in ("a", "b"):
        (project / "shelf" / "joy" / f"{clip}.wav").write_bytes(os.urandom(100))
    (project / "gesture.csv").write_text("clip,x,y\njoy/a,1,2\njoy/b,3,4\n")
    done = typed("add", "yours", "shelf", "--features", "gesture=gesture.csv")
    assert done.exit_code == 0, done.output
    assert "-S 'corpora=[yours]' -S 'modalities=[audio,text,face,gesture]'" in done.output
    (project / "face.csv").write_text("clip,x\njoy/a,1\njoy/b,3\n")
    done = typed("add", "other", "shelf", "--features", "face=face.csv")
    assert "dvc exp run -S 'corpora=[other]'   (" in done.output


def test_the_next_command_makes_the_first_commit_where_there_is_none(project):
    (project / "shelf" / "joy").mkdir(parents=True)
    (project / "shelf" / "joy" / "a.wav").write_bytes(os.urandom(100))
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    said = typed("add", "yours", "shelf").output
    assert "next: git add . && git commit -m start && dvc exp run -S 'corpora=[yours]'" in said
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *who, "commit", "-q", "--allow-empty", "-m", "x"], cwd=project, check=True)
    assert "next: dvc exp run -S 'corpora=[yours]'" in typed("add", "yours", "shelf").output


def test_two_commands_and_no_code(project):
    shelf = project / "shelf"
    shelf.mkdir()
    for speaker in ("anna", "ben"):
        for word in ("wütend", "surullinen"):
            (shelf / f"{speaker}_{word}.wav").write_bytes(os.urandom(100))
    done = typed("add", "mylab", "shelf")
    assert done.exit_code == 0, done.output
    assert "4 utterances of 2 speakers" in done.output  # as params.yaml states it
    assert "dvc exp run -S 'corpora=[mylab]'" in done.output
    said = typed("list").output
    assert "mylab" in said and "in data/raw/mylab" in said
    there = sorted(project.rglob("*"))
    described = typed("describe", "mylab")
    assert described.exit_code == 0 and "anger" in described.output and "sadness" in described.output
    assert sorted(project.rglob("*")) == there
    assert typed("describe", "mylab", "--figure", "figures/mylab.png").exit_code == 0
    assert (project / "figures" / "mylab.png").is_file()


@pytest.mark.corpora
@pytest.mark.slow
def test_the_faces_of_films_on_a_sheet(project, corpora):
    shelf = project / "shelf" / "joy"
    shelf.mkdir(parents=True)
    for name in ("lbax4n.mpg", "no_face.mp4"):
        (shelf / name).write_bytes((corpora / "video" / name).read_bytes())
    (shelf / "broken.mp4").write_bytes(os.urandom(100))
    assert typed("add", "films", "shelf").exit_code == 0
    done = typed("describe", "films", "--faces", "sheets/faces.png")
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "found by cascade in 3 clips" in said
    assert "films/joy/lbax4n 100% of 75 frames; gaps: 0 interpolated, 0 left" in said
    assert "films/joy/no_face 0% of 99 frames; gaps: 0 interpolated, 1 left" in said
    assert "films/joy/broken cannot be read: not a media file" in said
    sheet = np.asarray(Image.open(project / "sheets" / "faces.png").convert("RGB")).astype(int)
    # The talker's row is the second by name: a face in colour, a mouth in grey below it.
    row = sheet[56 + 236 : 56 + 2 * 236, 16:-16]
    face, mouth = row[20:116], row[116 + 8 : 212 - 8, 8:88]
    assert (face.max(-1) - face.min(-1)).mean() > 20
    assert (mouth.max(-1) == mouth.min(-1)).all() and mouth.std() > 10

    drawn = (project / "sheets" / "faces.png").read_bytes()
    kept = sorted((project / ".emoflow" / "cache").rglob("*.safetensors"))
    assert len(kept) == 3 * 2  # of each film that can be read its track, faces and mouths
    assert typed("describe", "films", "--faces", "again.png").exit_code == 0
    assert (project / "again.png").read_bytes() == drawn


def test_the_active_speaker_on_a_sheet_needs_mediapipe(project):
    refused = typed("describe", "films", "--faces", "faces.png", "--follow", "active-speaker")
    assert refused.exit_code == 2 and "mediapipe" in refused.output


@pytest.mark.corpora
@pytest.mark.slow
def test_a_sheet_takes_the_faces_that_an_encoder_followed(project, corpora):
    film = project / "shelf" / "joy" / "a.mp4"
    film.parent.mkdir(parents=True)
    film.write_bytes((corpora / "video" / "single_face.mp4").read_bytes())
    assert typed("add", "films", "shelf").exit_code == 0
    root = project / "data" / "raw" / "films"
    table, cache = emoflow.load_corpus(root), project / ".emoflow" / "cache"
    emoflow.extract_features(
        table,
        root,
        project / "features",
        encoders={"face": ["appearance"]},
        face_track="cascade",
        cache=cache,
    )
    before = set(cache.rglob("*.safetensors"))
    assert len(before) == 3  # tokens, the track, and the faces in the frames that the encoder takes
    assert typed("describe", "films", "--faces", "faces.png").exit_code == 0
    assert (
        len(set(cache.rglob("*.safetensors")) - before) == 2
    )  # faces and mouths of the sheet, by that track


def test_faces_need_films_a_png_and_for_mediapipe_its_model(project):
    shelf = project / "shelf" / "joy"
    shelf.mkdir(parents=True)
    (shelf / "a.wav").write_bytes(os.urandom(100))
    assert typed("add", "films", "shelf").exit_code == 0
    with pytest.raises(CorpusError, match="films: it has no films, so there are no faces to show"):
        raise typed("describe", "films", "--faces", "faces.png").exception
    with pytest.raises(SettingsError, match="emoflow assets add face-landmarker"):
        raise typed("describe", "films", "--faces", "faces.png", "--detector", "mediapipe").exception
    with pytest.raises(CorpusError, match=r"faces.pdf: a contact sheet ends in \.png"):
        raise typed("describe", "films", "--faces", "faces.pdf").exception


def test_what_is_given_on_request_alone_is_explained_and_the_status_says_it_is_not_here(project):
    asked = typed("fetch", "iemocap")
    assert asked.exit_code == 1 and "sail.usc.edu/iemocap" in asked.output
    assert "emoflow corpora add iemocap IEMOCAP_full_release" in asked.output
    (project / "data" / "raw" / "iemocap").mkdir(parents=True)
    assert typed("fetch", "iemocap").exit_code == 0


def test_a_mistyped_part_and_an_unknown_corpus(project):
    with pytest.raises(CorpusError, match="has no part vidoe"):
        raise typed("fetch", "ravdess", "--part", "vidoe").exception
    with pytest.raises(CorpusError, match="cannot be downloaded"):
        raise typed("fetch", "atlantis").exception
    with pytest.raises(CorpusError, match="did you mean 'ravdess'"):
        raise typed("fetch", "ravdes").exception


def test_a_mistyped_name_of_ones_own(project):
    (project / "data" / "raw" / "mylab").mkdir(parents=True)
    with pytest.raises(CorpusError, match="did you mean 'mylab'"):
        raise typed("describe", "mylb").exception


def test_features_of_one_modality_are_given_once(project):
    with pytest.raises(CorpusError, match=r"--features face=… is given twice, a\.csv and b\.csv"):
        raise typed("add", "mylab", ".", "--features", "face=a.csv", "--features", "face=b.csv").exception


def test_features_without_a_modality(project):
    with pytest.raises(CorpusError, match="give MODALITY=PATH"):
        raise typed("add", "mylab", "shelf", "--features", "face.csv").exception


def test_words_that_yaml_takes_for_something_else_are_quoted_in_hints(project):
    for name in ("no/anna/1.wav", "joy/anna/1.wav"):
        (project / "shelf" / name).parent.mkdir(parents=True)
        (project / "shelf" / name).write_bytes(os.urandom(100))
    said = " ".join(typed("add", "2024", "shelf").output.split())
    assert 'layouts: {"2024": {labels: {"no": happiness}}}' in said
    assert "dvc exp run -S 'corpora=[\"2024\"]'" in said


@pytest.fixture
def without_speakers(project) -> str:
    for label in ("joy", "anger"):
        for name in ("S1_a", "S1_b", "S2_a", "S2_b"):
            (project / "shelf" / label / f"{name}.wav").parent.mkdir(parents=True, exist_ok=True)
            (project / "shelf" / label / f"{name}.wav").write_bytes(os.urandom(100))
    return r"layouts: {ours: {layout: folder, pattern: '(?P<label>[^/]+)/(?P<speaker>[^/_]+)_[^/]*'}}"


def test_speakers_that_names_tell_are_proposed(project, without_speakers):
    said = " ".join(typed("add", "ours", "shelf").output.split())
    assert "8 utterances of 0 speakers" in said
    assert "the names look as if S1, S2 were the speakers" in said and without_speakers in said
    assert "emoflow corpora add ours shelf --guess" in said


def test_a_guess_shows_what_it_would_read_and_adds_nothing(project, without_speakers):
    there = sorted(project.rglob("*"))
    done = typed("add", "ours", "shelf", "--guess")
    said = " ".join(done.output.split())
    assert done.exit_code == 0, said
    assert "anger/S1_a.wav has label 'anger', speaker 'S1'" in said and "8 utterances of 2 speakers" in said
    assert without_speakers in said and sorted(project.rglob("*")) == there
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(re.sub("^layouts: .*", lambda _: without_speakers, text, flags=re.M))
    assert "8 utterances of 2 speakers" in " ".join(typed("add", "ours", "shelf").output.split())


def test_folders_that_name_the_speakers_need_no_guess(project):
    for path in ("joy/S01/a.wav", "joy/S02/a.wav", "anger/S01/b.wav", "anger/S02/b.wav"):
        (project / "shelf" / path).parent.mkdir(parents=True, exist_ok=True)
        (project / "shelf" / path).write_bytes(path.encode())
    done = typed("add", "ours", "shelf", "--guess")
    said = " ".join(done.output.split())
    assert done.exit_code == 0 and "nothing has to be stated" in said and "the speakers are S01, S02" in said
    assert not (project / "data").exists()


def test_names_from_which_nothing_can_be_guessed(project):
    (project / "shelf" / "joy").mkdir(parents=True)
    (project / "shelf" / "joy" / "1.wav").write_bytes(b"x")
    with pytest.raises(CorpusError, match="tell no speaker that could be guessed"):
        raise typed("add", "ours", "shelf", "--guess").exception
