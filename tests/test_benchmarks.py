"""The benchmarks run as their help says; how fast they are is not tested."""

import json
import subprocess
import sys

import pytest
import torch
from conftest import ROOT


@pytest.mark.slow
@pytest.mark.corpora
def test_features(corpora):
    command = [sys.executable, "-m", "benchmarks.features", corpora / "ravdess", "--clips", "2"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    assert said[0].startswith("2 clips")
    assert [line.partition("  ")[0] for line in said[1:]] == [
        "a loop",
        "emoflow, nothing cached",
        "emoflow again",
    ]


@pytest.mark.slow
@pytest.mark.corpora
def test_face_tracks(corpora, landmark_model):
    films = [corpora / "video" / name for name in ("single_face.mp4", "lbax4n.mpg")]
    command = [sys.executable, "-m", "benchmarks.face_tracks", landmark_model, *films, "--repeats", "1"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    assert said[0].startswith("2 films, 147 pictures")
    assert [line.partition("  ")[0] for line in said[1:]] == [
        "MediaPipe, image mode",
        "MediaPipe, video mode",
        "emoflow",
    ]


@pytest.mark.slow
def test_gpu_population(tmp_path):
    out = tmp_path / "found.json"
    command = [sys.executable, "-m", "benchmarks.gpu_population", "--small", "--out", out]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found = json.loads(out.read_text())
    assert [name.partition(", ")[2] for name in found] == [
        "",
        "plain",
        "K = 2",
        "2 processes",
        "launches, K = 2",
    ]
    assert found["early-concatenation, K = 2"]["recorded, milliseconds a step"] > 0
    assert found["early-concatenation, K = 2"]["notices"] == []


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_gpu_population_says_that_there_is_no_gpu(tmp_path):
    out = tmp_path / "found.json"
    command = [sys.executable, "-m", "benchmarks.gpu_population", "--out", out]
    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "no GPU" in ended.stderr
    assert not out.exists()
