"""Text models that are trained: what they give before the first step, in batches, and what cannot be trained."""

import numpy as np
import pytest
import torch
import transformers
from emoflow.encoders.dialogue import Line, Turn, as_turn
from emoflow.encoders.pretrained.spec import PretrainedSpec
from emoflow.encoders.pretrained.tuning.members import TunedMembers
from emoflow.encoders.pretrained.tuning.model import TunedModel
from emoflow.errors import SettingsError
from tiny_models import LONGEST, TEXT, _tokenizer, one, save, tunable_of

SOURCES = {
    "a": "I hate this, unhappy!",
    "b": Turn("Ann", "it is", (Line("Bob", "what a lovely day"),)),
    "c": Turn("Ann", "day", (Line("Ann", "happy"), Line("Bob", "it is four"))),
    "d": "what a lovely day it is " * LONGEST,
}
IDS = list(SOURCES)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("text")
    return {name: save(name, root / name) for name in TEXT}


def tunable(folder, *, rank: int | None = 2, pooling="mean", layers=None, context=0, checkpointing=False):
    spec = PretrainedSpec(str(folder), pooling, layers, None, context, "lora")
    return tunable_of(spec, "text", SOURCES, rank=rank, checkpointing=checkpointing)


@pytest.mark.parametrize("name, rank", [*((name, 2) for name in TEXT), ("bert", None)])
def test_before_the_first_step_a_batch_is_what_the_frozen_model_gives_one_by_one(name, rank, folders):
    for stated in (
        {"pooling": "mean", "context": 2},
        {"pooling": "mean-std", "layers": [1, 3]},
        {"pooling": "none", "context": 1, "layers": {"last": 2}},
    ):
        tuned = tunable(folders[name], rank=rank, **stated)(0, "cpu")
        frozen = one(folders[name], **stated)
        tokens, present = tuned.tokens(IDS)
        for row, mask, source in zip(tokens.detach(), present, SOURCES.values(), strict=True):
            alone = frozen.encode_decoded(as_turn(source))
            np.testing.assert_allclose(row[mask].numpy(), alone, atol=1e-5)
            assert not row[~mask].any()


@pytest.mark.parametrize("name", TEXT)
def test_lora_trains_queries_and_values_of_every_layer_and_nothing_else(name, folders):
    tuned = tunable(folders[name])(0, "cpu")
    assert tuned.trained and all("lora_" in each for each in tuned.trained)
    tokens, _ = tuned.tokens(IDS)
    tokens.square().sum().backward()
    moved = {each for each, x in tuned.trained.items() if x.grad is not None and x.grad.abs().max() > 0}
    assert moved == {each for each in tuned.trained if "lora_B" in each}  # A's gradient is 0 while B is
    assert not any(x.requires_grad for each, x in tuned.module.named_parameters() if "lora_" not in each)


def test_all_weights_but_those_that_nothing_reads_are_trained(folders):
    tuned = tunable(folders["bert"], rank=None)(0, "cpu")
    tuned.tokens(IDS)[0].square().sum().backward()
    assert all(x.grad is not None for x in tuned.trained.values())
    assert not any("pooler" in each for each in tuned.trained)


@pytest.mark.parametrize("rank", [2, None])
def test_a_layer_above_the_states_that_are_taken_is_not_trained(rank, folders):
    tuned = tunable(folders["bert"], rank=rank, layers=1)(0, "cpu")
    tuned.tokens(IDS)[0].square().sum().backward()
    assert all(x.grad is not None for x in tuned.trained.values())
    assert any("layer.0." in each for each in tuned.trained)
    assert not any("layer.1." in each for each in tuned.trained)


def test_the_seed_is_of_the_updates(folders):
    first, same, other = (tunable(folders["bert"])(seed, "cpu").trained for seed in (0, 0, 1))
    assert all(torch.equal(first[each], same[each]) for each in first)
    assert not all(torch.equal(first[each], other[each]) for each in first)


def test_computing_activations_again_changes_no_gradient(folders):
    gradients = []
    for checkpointing in (False, True):
        tuned = tunable(folders["bert"], rank=None, checkpointing=checkpointing)(0, "cpu")
        tuned.module.train()
        torch.manual_seed(0)
        tuned.tokens(IDS)[0].square().sum().backward()
        gradients.append({name: x.grad for name, x in tuned.trained.items()})
    assert all(torch.allclose(x, gradients[1][name], atol=1e-6) for name, x in gradients[0].items())


@pytest.mark.parametrize("rank", [2, None])
def test_each_member_encodes_with_weights_of_its_own(rank, folders):
    encoder = one(folders["bert"], pooling="mean", context=1)
    weights = []
    for seed in (0, 1):
        tuned = TunedModel(encoder, rank=rank, seed=seed)
        generator = torch.Generator().manual_seed(seed)
        weights.append({name: torch.randn(x.shape, generator=generator) for name, x in tuned.trained.items()})
    members = TunedMembers(encoder, rank=rank, weights=weights)
    for k, own in enumerate(weights):
        tuned = TunedModel(encoder, rank=rank, sources=SOURCES)
        with torch.no_grad():
            for name, x in tuned.trained.items():
                x.copy_(own[name])
            expected = tuned.tokens(["b"])[0][0]
        np.testing.assert_allclose(members.encode(SOURCES["b"])[k], expected, atol=1e-6)
    assert not np.allclose(*members.encode(SOURCES["b"]))
    with pytest.raises(SettingsError, match="the weights that were trained are of another model"):
        TunedMembers(encoder, rank=rank, weights=[{"another": torch.zeros(1)}])


def test_a_model_without_attention_that_is_known_is_refused(tmp_path):
    widths = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 1, "intermediate_size": 32}
    made = {
        "fnet": transformers.FNetModel(transformers.FNetConfig(**widths, max_position_embeddings=12)),
        "funnel": transformers.FunnelModel(
            transformers.FunnelConfig(
                vocab_size=40, d_model=16, block_sizes=[1], n_head=2, d_head=8, d_inner=32
            )
        ),
    }
    for name, model in made.items():
        model.save_pretrained(tmp_path / name)
        _tokenizer().save_pretrained(tmp_path / name)
    with pytest.raises(SettingsError, match=r"'fnet' takes no attention mask.*leave tune out"):
        tunable(tmp_path / "fnet")(0, "cpu")
    with pytest.raises(SettingsError, match=r"'funnel' has none under a name that is known.*or tune: full"):
        tunable(tmp_path / "funnel")(0, "cpu")
