"""Picture models on faces: what comes out, and that it is what transformers gives."""

import numpy as np
import pytest
import torch
import transformers
from emoflow import media
from emoflow.encoders import encode, make
from emoflow.errors import MediaError
from emoflow.media import Box, Frames
from PIL import Image
from tiny_models import DEPTH, PICTURES, SIZE, one, save


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    return {name: save(name, root / name) for name in PICTURES}


@pytest.fixture
def clip(monkeypatch) -> Frames:
    """Four frames; a face is in the first, the third and the fourth, where the detector is told that it is."""
    boxes = [Box(20, 30, 40), None, Box(22, 31, 40), Box(24, 33, 40)]
    monkeypatch.setattr(media, "find_faces", lambda images: boxes, raising=False)
    images = np.random.default_rng(0).integers(0, 256, (4, 120, 160, 3), np.uint8)
    return Frames(images, np.arange(4.0), 4.0)


@pytest.mark.parametrize("name", PICTURES)
def test_each_frame_with_a_face_becomes_a_token(name, folders, clip):
    encoder = one(folders[name], modality="face", frames=4)
    tokens = encoder.encode_decoded(clip)
    assert tokens.shape == (3, SIZE) and encoder.dimensions == SIZE
    assert tokens.dtype == np.float32 and np.isfinite(tokens).all()
    assert np.ptp(tokens, axis=0).max() > 1e-4
    assert np.array_equal(tokens, one(folders[name], frames=4).encode_decoded(clip))
    mean = one(folders[name], pooling="mean", frames=4)
    np.testing.assert_allclose(mean.encode_decoded(clip), tokens.mean(0)[None], atol=1e-6)
    layers = one(folders[name], layers=[1, 2], frames=4).encode_decoded(clip)
    assert layers.shape == (3, 2 * SIZE) and np.isfinite(layers).all()


@pytest.mark.parametrize("name", PICTURES)
def test_a_batch_of_pictures_changes_nothing(name, folders, clip):
    encoder = one(folders[name], frames=4)
    together = encoder.encode_decoded(clip)
    encoder.batch = 1
    np.testing.assert_allclose(encoder.encode_decoded(clip), together, atol=1e-5)


@pytest.mark.parametrize("name", PICTURES)
def test_a_token_is_the_models_own_pooled_output_or_class_token(name, folders, clip):
    tower = {"clip": "CLIPVisionModel", "siglip": "SiglipVisionModel"}.get(name, "AutoModel")
    model = getattr(transformers, tower).from_pretrained(folders[name]).eval()
    own = transformers.AutoImageProcessor.from_pretrained(folders[name], backend="pil")
    face = media.crop(clip.images[0], Box(20, 30, 40), size=60, margin=0.25, colour=True)
    inputs = own(images=[Image.fromarray(face)], return_tensors="pt")
    with torch.inference_mode():
        output = model(**inputs, output_hidden_states=True)
    by_pooled = name.startswith(("clip", "siglip"))
    expected = output.pooler_output if by_pooled else output.last_hidden_state[:, 0]
    tokens = one(folders[name], frames=4).encode_decoded(clip)
    np.testing.assert_allclose(tokens[0], expected[0].numpy(), atol=1e-5)
    state = output.hidden_states[1][0]
    state = state.mean(0) if name.startswith("siglip") else state[0]  # SigLIP has no class token
    first = one(folders[name], layers=1 - DEPTH - 1, frames=4).encode_decoded(clip)
    np.testing.assert_allclose(first[0], state.numpy(), atol=1e-5)


def test_it_stands_beside_the_faces_appearance(folders, clip):
    both = make(
        ["appearance", {"hf": str(folders["vit"]), "pooling": "none"}], {"frames": 4}, modality="face"
    )
    merged = np.concatenate([encoder.encode_decoded(clip) for encoder in both], axis=1)
    assert merged.shape == (
        4,
        sum(encoder.dimensions for encoder in both),
    )  # aligned: a token for every frame
    assert np.array_equal(merged[1, -SIZE:], merged[0, -SIZE:])  # without a face: the nearest one's


def test_no_face_is_the_reason(folders):
    frames = Frames(np.zeros((2, 64, 64, 3), np.uint8), np.zeros(2), 1.0)
    with pytest.raises(MediaError, match="no face found in 2 frames"):
        one(folders["vit"], frames=2).encode_decoded(frames)


def test_a_crop_keeps_its_colours():
    image = np.zeros((40, 40, 3), np.uint8)
    image[..., 0] = 200
    found = media.crop(image, Box(5, 5, 20), size=20, colour=True)
    assert found.shape == (20, 20, 3) and (found == [200, 0, 0]).all()


@pytest.mark.corpora
def test_real_faces_become_tokens(folders, corpora):
    encoders = make([{"hf": str(folders["vit"]), "pooling": "none"}], {"frames": 4}, modality="face")
    one_face, other = (encode(encoders, corpora / "video" / clip) for clip in ("bbaf2n.mpg", "brbk7n.mpg"))
    assert one_face.shape == other.shape == (4, SIZE)
    within = np.linalg.norm(one_face[1:] - one_face[:-1], axis=1).mean()
    assert np.linalg.norm(one_face - other, axis=1).mean() > within


@pytest.mark.corpora
@pytest.mark.slow
def test_the_face_of_a_track_is_encoded_as_it_was_cut(folders, corpora):
    """Of a film of which two frames in five show a face: the tokens are transformers' own of these pictures."""
    folder = folders["dinov2"]
    encoder = one(folder, frames=5, track="cascade")
    medium = encoder.decode(corpora / "video" / "face_noface.mov")
    assert [box is not None for box in medium.boxes] == [True, True, False, False, False]
    own = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    model = transformers.AutoModel.from_pretrained(folder).eval()
    inputs = own(images=[Image.fromarray(image) for image in medium.images[:2]], return_tensors="pt")
    with torch.inference_mode():
        expected = model(**inputs).last_hidden_state[:, 0].numpy()
    np.testing.assert_allclose(encoder.encode_decoded(medium), expected, atol=1e-5)
    assert encoder.digest() != one(folder, frames=5).digest()


def test_what_finds_the_faces_is_part_of_the_digest(folders, monkeypatch):
    from emoflow.encoders import base

    before = one(folders["vit"], frames=4).digest()
    installed = base._installed
    monkeypatch.setattr(base, "_installed", lambda name: "0.0" if name == "scikit-image" else installed(name))
    assert one(folders["vit"], frames=4).digest() != before
