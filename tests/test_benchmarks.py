"""The benchmarks run as their help says; how fast they are is not tested."""

import subprocess
import sys

import pytest
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
