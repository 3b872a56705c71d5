"""``layers: weighted``: every hidden state is kept, each for itself, in half precision."""

import numpy as np
import pytest
from emoflow import media
from emoflow.encoders import FeatureStore, encode
from emoflow.encoders.base import layout_of
from emoflow.encoders.cache import Cache, Entry
from emoflow.encoders.dialogue import as_turn
from emoflow.encoders.store import Row, write
from emoflow.errors import MediaError
from emoflow.media import Box, Frames
from safetensors import safe_open
from tiny_models import DEPTH, PICTURES, SIZE, SPEECH, TEXT, one, save, voice, wav

STATES = DEPTH + 1
SENTENCE = "what a lovely day it is"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("weighted")
    return {name: save(name, root / name) for name in (*SPEECH, *TEXT, *PICTURES)}


@pytest.fixture
def frames(monkeypatch) -> Frames:
    """Three frames with a face in the first and the last."""
    boxes = [Box(20, 30, 40), None, Box(24, 33, 40)]
    monkeypatch.setattr(media, "find_faces", lambda images: boxes, raising=False)
    images = np.random.default_rng(0).integers(0, 256, (3, 120, 160, 3), np.uint8)
    return Frames(images, np.arange(3.0), 3.0)


def medium_of(name: str, frames: Frames):
    """What an architecture encodes, and the parameters of its encoder."""
    if name in PICTURES:
        return frames, {"frames": 3}
    return ([voice(1)] if name in SPEECH else as_turn(SENTENCE)), {}


@pytest.mark.parametrize("pooling", ["none", "mean", "mean-std"])
@pytest.mark.parametrize("name", [*SPEECH, *TEXT, *PICTURES])
def test_each_state_lies_beside_the_next_as_it_is_alone(name, pooling, folders, frames):
    medium, parameters = medium_of(name, frames)
    encoder = one(folders[name], layers="weighted", pooling=pooling, **parameters)
    found = encoder.encode_decoded(medium)
    alone = [
        one(folders[name], layers=number, pooling=pooling, **parameters).encode_decoded(medium)
        for number in range(STATES)
    ]
    width = SIZE * (2 if pooling == "mean-std" else 1)
    assert found.dtype == np.float16 and found.shape == (len(alone[0]), STATES * width)
    np.testing.assert_allclose(found, np.concatenate(alone, axis=1), rtol=2e-3, atol=1e-5)
    assert encoder.dimensions == STATES * width == len(set(encoder.feature_names()))
    assert encoder.feature_names()[width].endswith("_1_0")
    assert layout_of([encoder]) == [(encoder.name, width)] * STATES


@pytest.mark.parametrize("name", PICTURES)
def test_a_batch_of_pictures_changes_nothing(name, folders, frames):
    encoder = one(folders[name], layers="weighted", frames=3)
    together = encoder.encode_decoded(frames)
    encoder.batch = 1
    np.testing.assert_allclose(encoder.encode_decoded(frames), together, rtol=2e-3, atol=1e-5)


def stored(folder, encoder, tokens: dict[str, np.ndarray]) -> FeatureStore:
    write(
        folder,
        [Row(id_, "0", each) for id_, each in tokens.items()],
        modality="audio",
        encoder=encoder.name,
        params_digest=encoder.digest(),
        feature_names=encoder.feature_names(),
        layers=encoder.layers_apart,
    )
    return FeatureStore.open(folder)


def test_the_store_has_tokens_by_layers_by_features_in_half_precision(folders, tmp_path):
    encoder = one(folders["wavlm"], layers="weighted")
    fresh = {f"a/{seconds}": encoder.encode_decoded([voice(seconds)]) for seconds in (0.5, 1)}
    store = stored(tmp_path / "a", encoder, fresh)
    with safe_open(tmp_path / "a/audio" / encoder.name / "tokens.safetensors", framework="numpy") as file:
        tokens = file.get_tensor("tokens")
    count = sum(map(len, fresh.values()))
    assert tokens.shape == (count, STATES, SIZE) and tokens.dtype == np.float16
    assert store.layout("audio") == [(encoder.name, SIZE)] * STATES
    read, present = store.tokens("audio", ["a/1", "a/0.5"])
    assert read.dtype == np.float32 and present.sum(1).tolist() == [len(fresh["a/1"]), len(fresh["a/0.5"])]
    for row, mask, seconds in zip(read, present, (1, 0.5), strict=True):
        assert np.array_equal(row[mask], encode([encoder], wav(voice(seconds))))
    assert not read[~present].any()


def test_cached_equals_fresh(folders, tmp_path):
    encoder = one(folders["hubert"], layers="weighted", pooling="mean")
    fresh, cache = encoder.encode_decoded([voice(1)]), Cache(tmp_path)
    cache.put(cache.key("0", encoder), Entry(fresh))
    kept = cache.get(cache.key("0", encoder)).tokens
    assert kept.dtype == np.float16 and np.array_equal(kept, fresh)
    other = one(folders["hubert"], layers=[*range(STATES)], pooling="mean")
    assert cache.key("0", other) != cache.key("0", encoder)


def test_states_beyond_half_precision_are_refused(folders, monkeypatch):
    encoder = one(folders["hubert"], layers="weighted", pooling="mean")
    states = type(encoder).states

    def huge(self, **inputs):
        found, output = states(self, **inputs)
        return [state * 1e7 for state in found], output

    monkeypatch.setattr(type(encoder), "states", huge)
    with pytest.raises(MediaError, match=r"half precision, which ends at 65504"):
        encoder.encode_decoded([voice(1)])
