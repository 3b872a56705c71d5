"""Picture models that are trained: what they give before the first step, which weights learn, and what is kept."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from emoflow.encoders import make
from emoflow.encoders.pretrained.spec import PretrainedSpec
from emoflow.encoders.pretrained.tuning.inputs import Recording
from emoflow.encoders.pretrained.tuning.members import TunedMembers
from emoflow.errors import ParamsError
from emoflow.media import Box
from emoflow.synthesis import face_drawing
from emoflow.synthesis.media_writer import write_film
from tiny_models import DEPTH, PICTURES, one, save, tunable_of

FRAMES = 4


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    return {name: save(name, root / name) for name in (*PICTURES, "videomae", "face-expression", "ge2e")}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Films of a drawn face; in that of ``b`` it goes away."""
    root = tmp_path_factory.mktemp("films")
    found = {}
    for seed, (name, count) in enumerate((("a", 30), ("b", 15))):
        generator = np.random.default_rng(seed)
        who, where = face_drawing.look("female", generator), face_drawing.setting(generator)
        shown = face_drawing.express("happiness", generator)
        pictures = list(face_drawing.film(shown, who, where, np.linspace(0, 1, count), generator))
        pictures += [np.zeros_like(pictures[0])] * (30 - count)
        write_film(root / f"{name}.mp4", frames=pictures, fps=25, sound=None, rate=16000)
        found[name] = Recording(str(root / f"{name}.mp4"), name)
    return found


@pytest.fixture(scope="module")
def decoded(folders, sources):
    """The films as encoders of faces take them."""
    encoder = one(folders["vit"], frames=FRAMES)
    return {name: encoder.decode(source.source) for name, source in sources.items()}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The cache's folder that tests share."""
    return tmp_path_factory.mktemp("cache")


def opened(
    folder, sources, *, rank: int | None = 2, pooling="none", layers=None, cache=None, track=None, **more
):
    spec = PretrainedSpec(str(folder), pooling, layers, tune="lora")
    opener = tunable_of(spec, "face", sources, rank=rank, cache=cache, frames=FRAMES, track=track, **more)
    return opener(0, "cpu")


@pytest.mark.parametrize("name, rank", [*((name, 2) for name in PICTURES), ("dinov2", None)])
def test_before_the_first_step_a_batch_is_what_the_frozen_model_gives_one_by_one(
    name, rank, folders, sources, decoded, kept
):
    for stated in ({"pooling": "none"}, {"pooling": "mean-std", "layers": [1, -1]}):
        tuned = opened(folders[name], sources, rank=rank, cache=kept, **stated)
        tuned.encoder.batch = 3
        frozen = one(folders[name], frames=FRAMES, **stated)
        tokens, present = tuned.tokens(list(sources))
        for row, mask, medium in zip(tokens.detach(), present, decoded.values(), strict=True):
            np.testing.assert_allclose(row[mask].numpy(), frozen.encode_decoded(medium), atol=1e-5)
            assert not row[~mask].any()
    assert present.sum() == 2
    assert opened(folders[name], sources, cache=kept).tokens(list(sources))[1].sum() == 4 + 2


@pytest.mark.parametrize("name", PICTURES)
def test_lora_trains_queries_and_values_of_every_layer_and_nothing_else(name, folders, sources, kept):
    tuned = opened(folders[name], sources, cache=kept)
    assert tuned.trained and all("lora_" in each for each in tuned.trained)
    tuned.tokens(["a"])[0].square().sum().backward()
    moved = {each for each, x in tuned.trained.items() if x.grad is not None and x.grad.abs().max() > 0}
    assert len(moved) == DEPTH * 2 and moved == {each for each in tuned.trained if "lora_B" in each}


def test_all_weights_but_those_that_nothing_reads_are_trained(folders, sources, kept):
    tuned = opened(folders["vit"], sources, rank=None, cache=kept)
    tuned.tokens(["a"])[0].square().sum().backward()
    assert all(x.grad is not None for x in tuned.trained.values())
    assert "embeddings.patch_embeddings.projection.weight" in tuned.trained
    assert not any("pooler" in each for each in tuned.trained)
    tuned = opened(folders["vit"], sources, rank=None, layers=1, cache=kept)
    tuned.tokens(["a"])[0].square().sum().backward()
    unread = {each for each, x in tuned.trained.items() if x.grad is None}
    assert all(each.startswith("layernorm.") for each in unread)  # it normalises the model's output alone


def test_computing_activations_again_changes_no_gradient(folders, sources, kept):
    gradients = []
    for checkpointing in (False, True):
        tuned = opened(folders["dinov2"], sources, rank=None, cache=kept, checkpointing=checkpointing)
        tuned.module.train()
        torch.manual_seed(0)
        tuned.tokens(["a", "b"])[0].square().sum().backward()
        gradients.append({each: x.grad for each, x in tuned.trained.items()})
    assert all(torch.allclose(x, gradients[1][each], atol=1e-6) for each, x in gradients[0].items())


@pytest.mark.parametrize("track", [None, "cascade"])
def test_a_film_is_decoded_once(track, folders, sources, tmp_path, monkeypatch):
    """Its faces are read from the cache then, and one that was damaged is not."""
    fresh = opened(folders["vit"], sources, track=track).tokens(["a", "b"])[0]
    first = opened(folders["vit"], sources, track=track, cache=tmp_path).tokens(["a", "b"])[0]
    read = []

    def spying(self, source):
        read.append(source)
        return original(self, source)

    original = type(one(folders["vit"], frames=FRAMES)).decode
    monkeypatch.setattr("emoflow.encoders.pretrained.pictures.Pictures.decode", spying)
    monkeypatch.setattr("emoflow.media.clip_faces.track_face", lambda *_: pytest.fail("followed again"))
    again = opened(folders["vit"], sources, track=track, cache=tmp_path).tokens(["a", "b"])[0]
    assert not read and torch.equal(first, fresh) and torch.equal(again, fresh)
    if track is None:
        for path in tmp_path.rglob("*.safetensors"):
            whole = bytearray(path.read_bytes())
            whole[-1] ^= 1
            path.write_bytes(whole)
        assert torch.equal(
            opened(folders["vit"], sources, track=track, cache=tmp_path).tokens(["a"])[0], fresh[:1]
        )
        assert read == [sources["a"].source]


def test_faces_whose_sizes_were_rounded_apart_are_kept(folders, sources, tmp_path, monkeypatch):
    """The size that a clip's faces have in common, times 1.5, may end in a half, from which they go either way."""
    tuned = opened(folders["vit"], sources, cache=tmp_path)
    boxes = [Box(10.0, 10.0, size) for size in (48.0, 46.0, 46.0, 58.0)]
    found = iter(boxes)
    monkeypatch.setattr("emoflow.media.face.find_face", lambda *_, **__: next(found))
    first = tuned.inputs.of_source(sources["a"])
    assert len({face.shape for face in first}) > 1
    again = tuned.inputs.of_source(sources["a"])  # nothing is left to be found
    for one_face, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one_face, other)
    tuned.tokens(["a"])


def test_beside_another_encoder_of_faces_there_is_a_token_for_every_picture(folders, sources, decoded, kept):
    spec = PretrainedSpec(str(folders["vit"]), "none", tune="lora")
    tunable = tunable_of(spec, "face", sources, cache=kept, frames=FRAMES)
    recipe = replace(tunable.recipe, stated=("appearance", spec.mapping()))
    tuned = replace(tunable, recipe=recipe)(0, "cpu")
    tokens, present = tuned.tokens(list(sources))
    assert present.all() and tokens.shape[1] == FRAMES
    (frozen,) = [each for each in recipe.encoders() if each.name == tunable.encoder]
    for row, medium in zip(tokens.detach(), decoded.values(), strict=True):
        np.testing.assert_allclose(row.numpy(), frozen.encode_decoded(medium), atol=1e-5)


@pytest.mark.parametrize("rank", [2, None])
def test_each_member_encodes_with_weights_of_its_own(rank, folders, sources, decoded, kept):
    encoder = one(folders["dinov2"], frames=FRAMES)
    tuned = [opened(folders["dinov2"], sources, rank=rank, cache=kept) for _ in range(2)]
    for seed, each in enumerate(tuned):
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weight in each.trained.values():
                weight.add_(torch.randn(weight.shape, generator=generator) / 2)
    weights = [{name: x.detach() for name, x in each.trained.items()} for each in tuned]
    found = TunedMembers(encoder, rank=rank, weights=weights).encode(decoded["b"])
    assert not np.allclose(found[0], found[1], atol=1e-3)
    for own, each in zip(found, tuned, strict=True):
        np.testing.assert_allclose(own, each.tokens(["b"])[0][0].detach(), atol=1e-5)


@pytest.mark.parametrize(
    "name, parameters", [("videomae", {"frames": 4}), ("face-expression", {"frames": 4}), ("ge2e", {})]
)
def test_models_of_other_kinds_are_refused(name, parameters, folders):
    stated = {"hf": str(folders[name]), "pooling": "none", "tune": "lora"}
    with pytest.raises(
        ParamsError, match=rf"tune is not supported for a model of the architecture '{name}'.*leave tune out"
    ):
        make([stated], parameters)
