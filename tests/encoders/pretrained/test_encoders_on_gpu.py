"""Pre-trained encoders on a GPU: the features of a CPU."""

import numpy as np
import pytest
import torch
from conftest import absent
from emoflow.encoders import ModelFiles, make
from emoflow.media import Box
from emoflow.media.video import Frames
from tiny_models import PICTURES, SPEECH, TEXT, save, voice


@pytest.fixture(autouse=True)
def _gpu():
    if not torch.cuda.is_available():
        absent("gpu", "PyTorch finds no GPU")


def both(folder, **parameters):
    stated = {"hf": str(folder), "pooling": "none"}
    return [make([stated], parameters, models=ModelFiles(device=device))[0] for device in ("cpu", "cuda")]


@pytest.mark.parametrize("name", SPEECH)
def test_speech(name, tmp_path):
    expected, found = (each.encode_decoded([voice(1.5)]) for each in both(save(name, tmp_path / name)))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("name", TEXT)
def test_text(name, tmp_path):
    expected, found = (
        each.encode("What a lovely day") for each in both(save(name, tmp_path / name), dimensions=64)
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(name, tmp_path, monkeypatch):
    from emoflow import media

    monkeypatch.setattr(media, "find_faces", lambda images: [Box(20, 30, 40)] * 4, raising=False)
    images = np.random.default_rng(0).integers(0, 256, (4, 120, 160, 3), np.uint8)
    clip = Frames(images, np.arange(4.0), 4.0)
    expected, found = (each.encode_decoded(clip) for each in both(save(name, tmp_path / name), frames=4))
    np.testing.assert_allclose(found, expected, atol=1e-5)
