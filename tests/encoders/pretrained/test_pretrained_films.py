"""Film models on faces: what comes out, and that it is what transformers gives."""

import numpy as np
import pytest
import torch
import transformers
from emoflow import media
from emoflow.encoders import encode, make
from emoflow.errors import MediaError, ParamsError
from emoflow.media import Box, Frames
from PIL import Image
from tiny_models import DEPTH, FILMS, SIZE, one, save

BOXES = [Box(20, 30, 40), None, Box(22, 31, 40), Box(24, 33, 40), Box(25, 33, 40), Box(25, 34, 40)]


@pytest.fixture(scope="module", params=FILMS)
def folder(request, tmp_path_factory):
    return save(request.param, tmp_path_factory.mktemp("films") / request.param)


@pytest.fixture
def clip(monkeypatch):
    """A function: a number of frames → that many, with a face in all but the second."""
    images = np.random.default_rng(0).integers(0, 256, (len(BOXES), 120, 160, 3), np.uint8)

    def of(count: int) -> Frames:
        monkeypatch.setattr(media, "find_faces", lambda images: BOXES[:count], raising=False)
        return Frames(images[:count], np.arange(float(count)), float(count))

    return of


def test_two_frames_become_a_token_which_is_the_mean_of_transformers_own(folder, clip):
    medium = clip(4)
    tokens = one(folder, modality="face", frames=4).encode_decoded(medium)
    faces = [
        Image.fromarray(media.crop(medium.images[at], BOXES[at], size=60, margin=0.25, colour=True))
        for at in (0, 0, 2, 3)  # the second frame has no face
    ]
    own = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    model = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        output = model(**own(images=faces, return_tensors="pt"), output_hidden_states=True)
    expected = output.last_hidden_state[0].reshape(2, -1, SIZE).mean(1).numpy()
    assert tokens.shape == (2, SIZE) and tokens.dtype == np.float32
    np.testing.assert_allclose(tokens, expected, atol=1e-5)
    state = output.hidden_states[1][0].reshape(2, -1, SIZE).mean(1).numpy()
    np.testing.assert_allclose(one(folder, layers=1, frames=4).encode_decoded(medium), state, atol=1e-5)
    mean = one(folder, pooling="mean", frames=4).encode_decoded(medium)
    np.testing.assert_allclose(mean, expected.mean(0)[None], atol=1e-5)


def test_what_is_longer_is_several_films(folder, clip):
    medium = clip(4)
    twice = Frames(np.concatenate([medium.images] * 2), np.arange(8.0), 8.0)
    encoder = one(folder, frames=8)
    encoder._boxes = lambda medium: BOXES[:4] * 2
    first = one(folder, frames=4).encode_decoded(medium)
    np.testing.assert_allclose(encoder.encode_decoded(twice), np.concatenate([first, first]), atol=1e-5)


def test_a_short_clip_is_slowed_down(folder, clip):
    medium = clip(3)
    tokens = one(folder, frames=4).encode_decoded(medium)
    slow = Frames(medium.images[[0, 0, 1, 2]], np.arange(4.0), 4.0)
    encoder = one(folder, frames=4)
    encoder._boxes = lambda medium: [BOXES[0], BOXES[0], BOXES[1], BOXES[2]]
    np.testing.assert_allclose(encoder.encode_decoded(slow), tokens, atol=1e-5)


@pytest.mark.parametrize("count", [3, 4, 6])
def test_beside_another_encoder_every_frame_has_a_token(count, folder, clip):
    frames = 4 if count <= 4 else 8
    both = make(["appearance", {"hf": str(folder), "pooling": "none"}], {"frames": frames}, modality="face")
    tokens = {encoder.name: encoder.encode_decoded(clip(count)) for encoder in both}
    assert {len(each) for each in tokens.values()} == {count}
    film = next(each for name, each in tokens.items() if name != "appearance")
    alone = one(folder, frames=frames).encode_decoded(clip(count))
    assert all((row == alone).all(1).any() for row in film)


def test_all_layers_are_kept_beside_one_another(folder, clip):
    medium = clip(4)
    weighted = one(folder, layers="weighted", frames=4).encode_decoded(medium)
    for state in range(DEPTH + 1):
        alone = one(folder, layers=state, frames=4).encode_decoded(medium)
        np.testing.assert_allclose(weighted[:, state * SIZE : (state + 1) * SIZE], alone, atol=2e-3)


@pytest.mark.parametrize("frames", [2, 6])
def test_another_number_of_frames_is_refused(frames, folder):
    with pytest.raises(ParamsError, match=f"sees 4 frames at once, and features.face.frames is {frames}"):
        one(folder, frames=frames)


def test_no_face_is_the_reason(folder):
    frames = Frames(np.zeros((4, 64, 64, 3), np.uint8), np.zeros(4), 1.0)
    with pytest.raises(MediaError, match="no face found in 4 frames"):
        one(folder, frames=4).encode_decoded(frames)


@pytest.mark.corpora
def test_real_faces_become_tokens(folder, corpora):
    encoders = make([{"hf": str(folder), "pooling": "none"}], {"frames": 8}, modality="face")
    talking, other = (encode(encoders, corpora / "video" / clip) for clip in ("bbaf2n.mpg", "brbk7n.mpg"))
    assert talking.shape == other.shape == (4, SIZE)
    assert np.linalg.norm(talking - other, axis=1).mean() > 0
