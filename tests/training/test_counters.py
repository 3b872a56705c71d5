"""Random numbers by counter: uniform, independent between keys, the same wherever they are drawn."""

import torch
from emoflow.fusion.layers import Dropout
from emoflow.training.counters import counter_uniform, dropout_mask, member_keys, member_seeds


def test_they_are_uniform_and_keys_are_independent():
    u = counter_uniform(member_keys(member_seeds(list(range(64)), "cpu"), step=3, layer=5), 4001)
    assert u.shape == (64, 4001)
    assert u.min() >= 0 and u.max() < 1
    assert abs(u.mean() - 0.5) < 0.003
    assert abs(u.var() - 1 / 12) < 0.002
    assert torch.corrcoef(u).fill_diagonal_(0).abs().max() < 0.1


def test_a_key_is_of_seed_step_and_layer():
    seeds = member_seeds([0, 1, 2**31, 2**32 - 1], "cpu")
    keys = [member_keys(seeds, step, layer) for step in (0, 1, 2) for layer in (0, 1, 1001)]
    assert len(torch.cat(keys).unique()) == len(keys) * 4


def test_a_member_draws_what_it_would_draw_alone():
    keys = member_keys(member_seeds([7, 8, 9], "cpu"), 1, 0)
    assert torch.equal(counter_uniform(keys, 33)[1], counter_uniform(keys[1:2], 33)[0])


def test_dropout_keeps_its_share_and_its_mean():
    keys = member_keys(member_seeds([7, 8], "cpu"), 1, 0)
    mask = dropout_mask(keys, 32_000, torch.tensor([0.3, 0.0]))
    assert abs((mask[0] == 0).float().mean() - 0.3) < 0.01
    torch.testing.assert_close(mask[0].max(), torch.tensor(1 / 0.7), rtol=1e-4, atol=0)
    assert (mask[1] == 1).all()
    layer = Dropout().train()
    x = torch.ones(32, 1000)
    assert torch.equal(layer(x), x) and layer.count == x.numel()
    layer.mask = mask[0]
    assert torch.equal(layer(x).flatten(), mask[0])
    assert torch.equal(layer.eval()(x), x)
