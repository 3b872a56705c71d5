"""Attention roll-out: the product of the layers' matrices, of the weights that attention takes, without a trace."""

import pytest
import torch
from emoflow.fusion.attention_rollout import rollout, why_not
from emoflow.fusion.catalogue import REGISTRY
from emoflow.fusion.layers import Attention
from hypothesis import given, settings
from hypothesis import strategies as st
from test_strategies import LENGTHS, SIZES, batch, close, make, pick

ROLLED = [
    "bottleneck",
    "cross-attention",
    "cross-concatenation",
    "hybrid-stream",
    "many-to-one",
    "one-to-many",
    "single-stream",
]


def test_which_strategies_have_one_and_why_the_others_have_none():
    reasons = {name: why_not(make(name)) for name in REGISTRY}
    assert sorted(name for name, why in reasons.items() if why is None) == ROLLED
    assert "all modalities at once" in reasons["resampled-concatenation"]
    assert "adds the modalities up" in reasons["transformer-summation"]
    assert reasons["late-average"] == "it has no attention between tokens"


def test_the_weights_are_those_that_attention_mixes_values_by():
    torch.manual_seed(0)
    attention = Attention(16, 4)
    queries, keys = torch.randn(3, 5, 16), torch.randn(3, 7, 16)
    present = torch.rand(3, 7) < 0.6
    present[2] = False
    weights = attention.weights(queries, keys, present)
    values = attention.key_value(keys)[..., 16:].unflatten(-1, (4, 4)).transpose(1, 2)
    mixed = (weights @ values).transpose(1, 2).flatten(-2)
    close(attention.output(mixed), attention(queries, keys, present))
    close(weights.sum(-1)[:2], torch.ones(2, 4, 5))
    assert not weights[2].any() and not weights.transpose(1, 3)[~present].any()


def everything():
    tokens, present = batch()
    return tokens, {name: torch.ones_like(mask) for name, mask in present.items()}


def test_a_single_stream_s_is_the_product_of_its_layers_matrices():
    model = make("single-stream")
    tokens, present = pick(model, *everything())
    with torch.no_grad():
        streams, masks, *_ = model.stem(tokens, present)
        x, mask = torch.cat(list(streams.values()), 1), torch.cat(list(masks.values()), 1)
        product = torch.eye(x.shape[1])
        for layer in model.layers:
            z = layer.norm(x)
            weights = layer.attention.weights(z, z, mask).mean(1)
            product = (torch.eye(x.shape[1]) + weights) / 2 @ product
            x = layer(x, mask)
    expected = product.mean(1)  # of all tokens, as they are pooled
    found = rollout(model, tokens, present)
    close(torch.cat([found[name] for name in model.modalities], 1), expected)
    assert (expected - 1 / sum(LENGTHS.values())).abs().max() > 0.01


def test_cross_attention_s_is_half_its_own_and_half_what_the_others_ask():
    model = make("cross-attention")
    tokens, present = pick(model, *everything())
    asked: dict = {}
    layers = [layer for by_modality in model.layers for layer in by_modality.items()]
    hooks = [
        layer.register_forward_pre_hook(lambda _, given, key=(n, name): asked.update({key: given}))
        for n, (name, layer) in enumerate(layers)
    ]
    model(tokens, present)
    [hook.remove() for hook in hooks]
    names = list(model.modalities)
    rows = tokens["audio"].shape[0]
    total = sum(LENGTHS.values())
    begin = {name: sum(LENGTHS[each] for each in names[:n]) for n, name in enumerate(names)}
    of = {name: torch.arange(begin[name], begin[name] + LENGTHS[name]) for name in names}
    streams = {name: torch.eye(total)[of[name]].expand(rows, -1, -1) for name in names}
    for n in range(0, len(layers), len(names)):
        new = {}
        for k, name in enumerate(names):
            layer, (x, others, mask) = layers[n + k][1], asked[n + k, name]
            with torch.no_grad():
                weights = layer.attention.weights(layer.norm_queries(x), layer.norm_keys(others), mask)
            told = torch.cat([streams[each] for each in names if each != name], 1)
            new[name] = 0.5 * streams[name] + 0.5 * weights.mean(1) @ told
        streams = new
    expected = torch.stack([stream.mean(1) for stream in streams.values()]).mean(0)
    found = rollout(model, tokens, present)
    close(torch.cat([found[name] for name in names], 1), expected)


@pytest.mark.parametrize("name", ROLLED)
@settings(max_examples=5)
@given(seed=st.integers(0, 1000))
def test_shares_are_of_the_tokens_there_are_and_leave_the_model_as_it_was(name, seed):
    model = make(name)
    tokens, present = pick(model, *batch(seed=seed))
    before = model(tokens, present).logits
    shares = rollout(model, tokens, present)
    some = torch.stack([mask.any(1) for mask in present.values()]).any(0)
    total = torch.stack([each.sum(1) for each in shares.values()]).sum(0)
    close(total[some], torch.ones(int(some.sum())))
    for modality, each in shares.items():
        assert each.shape == present[modality].shape and (each >= -1e-6).all()
        assert not each[~present[modality]].any()
    assert torch.equal(model(tokens, present).logits, before)
    assert set(shares) == set(SIZES)
