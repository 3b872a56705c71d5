"""Speech models that are trained: what they give before the first step, and which weights learn."""

import json

import numpy as np
import pytest
import torch
from emoflow.encoders.pretrained.spec import PretrainedSpec
from emoflow.encoders.pretrained.tuning.inputs import Recording
from emoflow.encoders.pretrained.tuning.members import TunedMembers
from emoflow.errors import FeatureError
from tiny_models import DEPTH, SPEECH, one, save, tunable_of, voice, wav


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("speech")
    return {name: save(name, root / name) for name in SPEECH}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Recordings; Whisper, which has positions for two seconds here, hears the last one in pieces."""
    root = tmp_path_factory.mktemp("recordings")
    found = {}
    for name, seconds in (("a", 0.5), ("b", 0.8), ("c", 4.1)):
        path = root / f"{name}.wav"
        path.write_bytes(wav(voice(seconds, seed=ord(name))))
        found[name] = Recording(path, name)
    return found


def changed(name, root, **configuration):
    """A tiny model whose configuration states something else."""
    folder = save(name, root / name)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | configuration))
    return folder


def opened(folder, sources, *, rank: int | None = 2, pooling="mean-std", layers=-1, checkpointing=False):
    spec = PretrainedSpec(str(folder), pooling, layers, tune="lora")
    return tunable_of(spec, "audio", sources, rank=rank, checkpointing=checkpointing)(0, "cpu")


@pytest.mark.parametrize(
    "name, rank", [*((name, 2) for name in SPEECH), ("wav2vec2", None), ("whisper", None)]
)
def test_before_the_first_step_a_batch_is_what_the_frozen_model_gives_one_by_one(
    name, rank, folders, sources
):
    for stated in ({"pooling": "mean-std", "layers": None}, {"pooling": "none", "layers": [1, -1]}):
        tuned, frozen = opened(folders[name], sources, rank=rank, **stated), one(folders[name], **stated)
        tokens, present = tuned.tokens(list(sources))
        for row, mask, source in zip(tokens.detach(), present, sources.values(), strict=True):
            np.testing.assert_allclose(row[mask].numpy(), frozen.encode(source.source), atol=1e-5)
            assert not row[~mask].any()


@pytest.mark.parametrize("name", SPEECH)
def test_lora_trains_queries_and_values_of_every_layer_and_nothing_else(name, folders, sources):
    tuned = opened(folders[name], sources)
    assert tuned.trained and all("lora_" in each for each in tuned.trained)
    before = tuned.tokens(["a"])[0]
    before.square().sum().backward()
    moved = {each for each, x in tuned.trained.items() if x.grad is not None and x.grad.abs().max() > 0}
    assert len(moved) == 3 * 2 and moved == {each for each in tuned.trained if "lora_B" in each}
    with torch.no_grad():
        for weight in tuned.trained.values():
            weight.add_(0.5)
    assert not torch.allclose(tuned.tokens(["a"])[0], before, atol=1e-3)


@pytest.mark.parametrize("name", ["wav2vec2", "wavlm", "whisper", "moonshine"])
def test_of_a_whole_model_the_convolutions_in_front_stay_as_they_were(name, folders, sources):
    tuned = opened(folders[name], sources, rank=None)
    tuned.module.train()
    tuned.tokens(["a"])[0].square().sum().backward()
    assert all(x.grad is not None for x in tuned.trained.values())
    left = {each for each, _ in tuned.module.named_parameters()} - tuned.trained.keys()
    beginnings = {each.partition(".")[0] for each in left}
    assert beginnings <= {
        "feature_extractor", "masked_spec_embed", "conv1", "conv2", "conv3", "groupnorm", "embed_positions",
    }  # fmt: skip
    assert beginnings & {"feature_extractor", "conv1"}


@pytest.mark.parametrize("rank", [2, None])
@pytest.mark.parametrize("name", ["wav2vec2", "wavlm", "whisper", "moonshine"])
def test_a_layer_above_the_states_that_are_taken_is_not_trained(name, rank, folders, sources):
    tuned = opened(folders[name], sources, rank=rank, layers=1)
    tuned.tokens(["a"])[0].square().sum().backward()
    unread = {each for each, x in tuned.trained.items() if x.grad is None}
    assert all(each.startswith("layer_norm.") for each in unread)  # it normalises the model's output alone
    assert any("layers.0." in each for each in tuned.trained)
    assert not any("layers.1." in each for each in tuned.trained)


def test_of_data2vec_all_convolutions_of_positions_are_trained(sources, tmp_path):
    """Though there are as many as layers that are run."""
    folder = changed("data2vec-audio", tmp_path, num_conv_pos_embeddings=2)
    tuned = opened(folder, sources, rank=None, layers=1)
    assert any(each.startswith("encoder.pos_conv_embed.layers.1.") for each in tuned.trained)
    assert not any(each.startswith("encoder.layers.1.") for each in tuned.trained)


@pytest.mark.parametrize("name, key", [("whisper", "encoder_layerdrop"), ("wav2vec2", "layerdrop")])
def test_no_layer_is_skipped(name, key, sources, tmp_path):
    tuned = opened(changed(name, tmp_path, **{key: 1.0}), sources)
    tuned.module.train()
    tuned.tokens(["a"])[0].square().sum().backward()
    moved = {each for each, x in tuned.trained.items() if x.grad is not None and x.grad.abs().max() > 0}
    assert len(moved) == DEPTH * 2


def test_of_a_recording_in_pieces_the_first_one_is_learned_from(folders, sources):
    """So an utterance of many minutes takes no more memory than one of half a minute."""
    tuned = opened(folders["whisper"], sources, pooling="none")
    tokens, present = tuned.tokens(["c"])
    weights = list(tuned.trained.values())
    early, late = tokens[0, 20, 0], tokens[0, 180, 0]
    assert present.sum() > 200 and early.requires_grad
    gradients = torch.autograd.grad(early, weights, retain_graph=True)
    assert any(each.abs().max() > 0 for each in gradients)
    gradients = torch.autograd.grad(late, weights, materialize_grads=True)
    assert all(each.abs().max() == 0 for each in gradients)


@pytest.mark.parametrize("name", ["wav2vec2", "wavlm", "whisper"])
def test_computing_activations_again_changes_no_gradient(name, folders, sources):
    """Nor does numpy's random state, by which transformers masks spans of sound in pre-training."""
    gradients = []
    for checkpointing in (False, True):
        tuned = opened(folders[name], sources, checkpointing=checkpointing)
        tuned.module.train()
        torch.manual_seed(0)
        tuned.tokens(["a", "b"])[0].square().sum().backward()
        gradients.append({each: x.grad for each, x in tuned.trained.items()})
    assert all(torch.allclose(x, gradients[1][each], atol=1e-6) for each, x in gradients[0].items())


@pytest.mark.parametrize("name, rank", [("wav2vec2", 2), ("wavlm", 2), ("whisper", 2), ("whisper", None)])
def test_each_member_encodes_with_weights_of_its_own(name, rank, folders, sources):
    encoder = one(folders[name], pooling="none")
    tuned = [opened(folders[name], sources, rank=rank, pooling="none", layers=None) for _ in range(2)]
    for seed, each in enumerate(tuned):
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weight in each.trained.values():
                weight.add_(torch.randn(weight.shape, generator=generator) / 2)
    weights = [{name: x.detach() for name, x in each.trained.items()} for each in tuned]
    found = TunedMembers(encoder, rank=rank, weights=weights).encode(encoder.decode(sources["c"].source))
    assert not np.allclose(found[0], found[1], atol=1e-3)
    for own, each in zip(found, tuned, strict=True):
        np.testing.assert_allclose(own, each.tokens(["c"])[0][0].detach(), atol=1e-5)


def test_a_recording_that_is_gone_is_named(folders, sources, tmp_path):
    tuned = opened(folders["whisper"], sources | {"d": Recording(tmp_path / "gone.wav", "d")})
    with pytest.raises(
        FeatureError, match=r"^d: .*whisper.* has features of it, and now it cannot be read: .*"
    ):
        tuned.tokens(["a", "d"])
