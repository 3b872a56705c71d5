"""Attention is one function, whichever way its products are taken."""

import pytest
import torch
from emoflow.fusion.layers import Attention
from torch.nn.functional import scaled_dot_product_attention


@pytest.mark.parametrize("queries", [1, 2, 3, 4])
@pytest.mark.parametrize("keys", [1, 2, 3, 4, 9, 10])
def test_equals_torchs_own_attention(queries, keys):
    torch.manual_seed(0)
    layer = Attention(8, 2)
    x, y = torch.randn(5, queries, 8), torch.randn(5, keys, 8)
    present = torch.rand(5, keys) < 0.6
    present[:, 0] = True

    def heads(z):
        return z.unflatten(-1, (2, 4)).transpose(1, 2)

    k, v = layer.key_value(y).chunk(2, dim=-1)
    mixed = scaled_dot_product_attention(
        heads(layer.query(x)), heads(k), heads(v), attn_mask=present[:, None, None, :]
    )
    expected = layer.output(mixed.transpose(1, 2).flatten(-2))
    assert torch.allclose(layer(x, y, present), expected, atol=1e-6)


@pytest.mark.parametrize("keys", [2, 12])
def test_a_query_without_keys_receives_the_output_s_bias_alone(keys):
    layer = Attention(8, 2)
    nothing = torch.zeros(3, keys, dtype=torch.bool)
    received = layer(torch.randn(3, 1, 8), torch.randn(3, keys, 8), nothing)
    assert torch.equal(received, layer.output.bias.expand(3, 1, 8))
