"""face-api's network of expressions: its arithmetic, its tokens, and what it says of real faces."""

import json

import numpy as np
import pytest
import torch
from conftest import absent
from emoflow import media
from emoflow.api import encoders
from emoflow.encoders import ModelFiles, make
from emoflow.encoders.networks.face_expression import MEAN, Convolution, DenseBlock
from emoflow.encoders.pretrained.architecture import load_anew
from emoflow.errors import EncoderError, MediaError, ParamsError, SettingsError
from emoflow.files import file_digest
from emoflow.media import Box, Frames
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_models import DEPTH, SIZE, one, save

CLASSES = ["neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save("face-expression", tmp_path_factory.mktemp("expressions") / "tiny")


@pytest.fixture
def clip(monkeypatch) -> Frames:
    """Four frames; a face is in the first, the third and the fourth, where the detector is told that it is."""
    boxes = [Box(20, 30, 40), None, Box(22, 31, 40), Box(24, 33, 40)]
    monkeypatch.setattr(media, "find_faces", lambda images: boxes, raising=False)
    images = np.random.default_rng(0).integers(0, 256, (4, 120, 160, 3), np.uint8)
    return Frames(images, np.arange(4.0), 4.0)


def convolved(x, weight, bias, stride, groups):
    """A convolution by its definition, padded as TensorFlow's "same": float64 [C, H, W] to [C', H', W']."""
    out, _, side, _ = weight.shape
    height, width = (-(-size // stride) for size in x.shape[1:])
    before, after = [], []
    for size, count in zip(x.shape[1:], (height, width), strict=True):
        added = max((count - 1) * stride + side - size, 0)
        before.append(added // 2)
        after.append(added - added // 2)
    padded = np.pad(x, ((0, 0), (before[0], after[0]), (before[1], after[1])))
    found = np.zeros((out, height, width))
    of_group = x.shape[0] // groups
    for channel in range(out):
        first = channel * groups // out * of_group
        for row in range(height):
            for column in range(width):
                top, left = row * stride, column * stride
                seen = padded[first : first + of_group, top : top + side, left : left + side]
                found[channel, row, column] = (seen * weight[channel]).sum() + bias[channel]
    return found


def block_by_definition(x, convolutions):
    """Each convolution takes what all before it gave, added up."""
    outputs = []
    for at, convolution in enumerate(convolutions):
        taken = np.maximum(sum(outputs), 0) if outputs else x
        stride = 1 if at else 2
        parts = list(convolution) if isinstance(convolution, torch.nn.Sequential) else [convolution]
        for part in parts:
            weight = part.weight.double().numpy()
            bias = part.bias.double().numpy() if part.bias is not None else np.zeros(len(weight))
            taken = convolved(taken, weight, bias, stride if weight.shape[-1] > 1 else 1, part.groups)
        outputs.append(np.maximum(taken, 0) if at == 0 else taken)
    return np.maximum(sum(outputs), 0)


@pytest.mark.parametrize("size", [(12, 12), (9, 14), (7, 7), (1, 2)])
@pytest.mark.parametrize("separable", [True, False])
@torch.inference_mode()
def test_a_block_is_that_of_its_definition(separable, size):
    torch.manual_seed(0)
    block = DenseBlock(3, 6, separable=separable)
    x = torch.randn(1, 3, *size)
    expected = block_by_definition(x[0].double().numpy(), block.convolutions)
    assert expected.shape == (6, *(-(-side // 2) for side in size)) and expected.any()
    np.testing.assert_allclose(block(x)[0].numpy(), expected, atol=1e-5)


def test_padding_is_uneven_as_tensorflow_s():
    convolution = Convolution(1, 1, 2, bias=False)
    with torch.inference_mode():
        convolution.weight.fill_(1.0)
        found = convolution(torch.ones(1, 1, 4, 4))[0, 0]
    assert found.tolist() == [[9, 6], [6, 4]]  # the zeros are below and to the right


def test_each_frame_with_a_face_becomes_a_token(folder, clip):
    encoder = one(folder, modality="face", frames=4)
    tokens = encoder.encode_decoded(clip)
    assert tokens.shape == (3, SIZE + 7) and encoder.dimensions == SIZE + 7
    assert tokens.dtype == np.float32 and np.isfinite(tokens).all()
    name = encoder.name
    assert encoder.feature_names() == [
        *[f"{name}_{at}" for at in range(SIZE)],
        *[f"{name}_{each}" for each in CLASSES],
    ]
    weights = load_file(folder / "model.safetensors")
    logits = torch.from_numpy(tokens[:, :SIZE]) @ weights["fc.weight"].T + weights["fc.bias"]
    np.testing.assert_allclose(tokens[:, SIZE:], logits.softmax(1).numpy(), atol=1e-6)
    assert np.ptp(tokens, axis=0).max() > 1e-4


def test_a_token_is_of_the_face_as_it_was_cut(folder, clip):
    encoder = one(folder, frames=4)
    face = media.crop(clip.images[0], Box(20, 30, 40), size=48, margin=0.1, colour=True)
    pixels = np.asarray(Image.fromarray(face).resize((28, 28), Image.Resampling.BILINEAR), np.float32)
    x = torch.from_numpy((pixels - np.float32(MEAN)) / 255).permute(2, 0, 1)[None]
    model = load_anew(folder, DEPTH)
    with torch.inference_mode():
        for block in model.blocks:
            x = block(x)
    np.testing.assert_allclose(encoder.encode_decoded(clip)[0, :SIZE], x.mean((0, 2, 3)).numpy(), atol=1e-5)


def test_a_batch_of_pictures_changes_nothing(folder, clip):
    encoder = one(folder, frames=4)
    together = encoder.encode_decoded(clip)
    encoder.batch = 1
    np.testing.assert_allclose(encoder.encode_decoded(clip), together, atol=1e-5)


def test_pooling_is_over_time(folder, clip):
    sequence = one(folder, frames=4).encode_decoded(clip)
    mean, both = (one(folder, pooling=pooling, frames=4) for pooling in ("mean", "mean-std"))
    np.testing.assert_allclose(mean.encode_decoded(clip), sequence.mean(0)[None], atol=1e-6)
    expected = np.concatenate([sequence.mean(0), sequence.std(0)])[None]
    np.testing.assert_allclose(both.encode_decoded(clip), expected, atol=1e-6)
    names = both.feature_names()
    assert len(set(names)) == both.dimensions == 2 * (SIZE + 7) and names[-1].endswith("_surprised_sd")


def test_it_stands_beside_the_faces_appearance(folder, clip):
    both = make(["appearance", {"hf": str(folder), "pooling": "none"}], {"frames": 4}, modality="face")
    merged = np.concatenate([encoder.encode_decoded(clip) for encoder in both], axis=1)
    assert len(merged) == 4  # aligned: a token for every frame
    assert np.array_equal(merged[1, -SIZE - 7 :], merged[0, -SIZE - 7 :])  # without a face: the nearest one's


@pytest.mark.parametrize("layers", [1, -1, [1, 2], {"last": 2}, "weighted"])
def test_layers_are_refused(folder, layers):
    with pytest.raises(ParamsError, match="this network has one output: leave layers out"):
        one(folder, layers=layers, frames=4)


def test_no_face_is_the_reason(folder):
    frames = Frames(np.zeros((2, 64, 64, 3), np.uint8), np.zeros(2), 1.0)
    with pytest.raises(MediaError, match="no face found in 2 frames"):
        one(folder, frames=2).encode_decoded(frames)


def test_the_digest_covers_the_weights(folder, tmp_path):
    other = save("face-expression", tmp_path / "tiny", seed=1)
    encoder, another = one(folder, frames=4), one(other, frames=4)
    assert encoder.weights == file_digest(folder / "model.safetensors") != another.weights
    assert encoder.parameters == another.parameters and encoder.digest() != another.digest()


def test_weights_of_other_shapes_are_refused(tmp_path, clip):
    folder = save("face-expression", tmp_path / "tiny")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 2 * SIZE}))
    said = r"blocks\.0\.convolutions\.0\.bias, "
    with pytest.raises(SettingsError, match=rf"not those of the architecture 'face-expression'.*: {said}"):
        one(folder, frames=4).encode_decoded(clip)
    with pytest.raises(EncoderError, match=rf"\(face-expression\): .*: {said}"):
        encoders.add(folder, tmp_path / "encoders")
    (folder / "config.json").write_text(json.dumps(config))
    weights = load_file(folder / "model.safetensors")
    del weights["fc.bias"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(EncoderError, match=r"in another shape: fc\.bias$"):
        encoders.add(folder, tmp_path / "encoders")


@pytest.fixture(scope="module")
def fetched(corpora, tmp_path_factory):
    """The folder of encoders with the real model, from the files that lie beside the recordings."""
    files = corpora.parent / "models" / "face_expression"
    if not files.is_dir():
        absent("corpora", f"no model of expressions at {files}")
    root = tmp_path_factory.mktemp("encoders")
    encoders.fetch("face-expression", root, source=str(files))
    return root


def real(root, **parameters):
    stated = {"hf": "face-expression", "pooling": "none"}
    return make([stated], parameters, modality="face", models=ModelFiles(pretrained=root))[0]


@pytest.mark.corpora
def test_of_a_picture_it_gives_what_face_api_itself_gives(fetched):
    """Its logits in face-api 1.7.15 on TensorFlow.js."""
    expected = [-2.75412, -2.41716, 0.60985, -6.18794, -8.79177, -9.04396, -11.06565]
    row, column, colour = np.ogrid[:112, :112, :3]
    picture = (row * column * (colour + 1) // 7 % 256).astype(np.float32)
    with torch.inference_mode():
        seen = load_anew(fetched / "face-expression", 4)(torch.from_numpy(picture).permute(2, 0, 1)[None])
    np.testing.assert_allclose(seen.logits[0].numpy(), expected, atol=1e-4)
    np.testing.assert_allclose(seen.pooler_output[0, :2].numpy(), [1.0758, 0.1061], atol=1e-4)


@pytest.mark.corpora
def test_people_who_read_a_sentence_out_are_neutral_and_yet_not_alike(fetched, corpora):
    encoder = real(fetched, frames=6)
    tokens = [encoder.encode(clip) for clip in sorted((corpora / "video").glob("*.mpg"))]
    assert len(tokens) == 3 and all(each.shape == (6, 263) for each in tokens)
    neutral = [each[:, 256].mean() for each in tokens]
    assert min(neutral) > 0.6
    within = np.mean([each[:, :256].std(0).mean() for each in tokens])
    between = np.stack([each[:, :256].mean(0) for each in tokens]).std(0).mean()
    assert within > 0.1 and between > 0.1


@pytest.mark.corpora
@pytest.mark.slow
@pytest.mark.parametrize("track", [None, "cascade"])
def test_a_smile_is_seen_where_it_begins(fetched, corpora, track):
    """A man who looks at the camera for a second, then smiles."""
    encoder = real(fetched, frames=8, track=track)
    chances = encoder.encode(corpora / "video/single_face.mp4")[:, 256:]
    assert (chances[:2, CLASSES.index("neutral")] > 0.9).all()
    assert (chances[2:, CLASSES.index("happy")] > 0.9).all()
