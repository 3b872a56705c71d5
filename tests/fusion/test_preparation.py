"""Preparation: fitted on what it is given, harmless on odd columns, the same after a round trip."""

import pytest
import torch
from safetensors.torch import load, save

from components.fusion.preparation import CLIP, Preparation, plan


def fitted(x, layout, present=None):
    present = torch.ones(x.shape[:2], dtype=torch.bool) if present is None else present
    return Preparation(plan({"audio": layout})).fit({"audio": x}, {"audio": present}), present


def test_scaled_columns_have_mean_0_and_deviation_1_and_a_constant_one_is_0():
    x = torch.randn(200, 1, 3) * torch.tensor([1.0, 50.0, 0.0]) + torch.tensor([0.0, 9.0, 7.0])
    preparation, present = fitted(x, [("egemaps", 3)])
    z = preparation({"audio": x}, {"audio": present})["audio"]
    torch.testing.assert_close(z.mean((0, 1))[:2], torch.zeros(2), atol=0.05, rtol=0)
    torch.testing.assert_close(z.std((0, 1))[:2], torch.ones(2), atol=0.05, rtol=0)
    assert (z[..., 2] == 0).all()


def test_absent_tokens_are_ignored_whatever_they_hold():
    x = torch.randn(50, 4, 2)
    present = torch.rand(50, 4, generator=torch.Generator().manual_seed(0)) < 0.5
    spoilt = torch.where(present[..., None], x, float("nan"))
    a, _ = fitted(x, [("egemaps", 2)], present)
    b, _ = fitted(spoilt, [("egemaps", 2)], present)
    za, zb = (p({"audio": y}, {"audio": present})["audio"] for p, y in ((a, x), (b, spoilt)))
    torch.testing.assert_close(za, zb)
    assert (zb[~present] == 0).all()


def test_an_outlier_is_clipped():
    x = torch.randn(50, 1, 2)
    preparation, present = fitted(x, [("egemaps", 2)])
    z = preparation({"audio": x * 1e9}, {"audio": present})["audio"]
    assert z.abs().max() == CLIP


def test_counts_become_unit_length_and_rare_terms_weigh_more():
    x = torch.zeros(10, 1, 4)
    x[:, 0, 0] = 1.0
    x[0, 0, 1] = 1.0
    preparation, present = fitted(x, [("hashing", 4)])
    z = preparation({"audio": x}, {"audio": present})["audio"][0, 0]
    assert z[1] > z[0] > 0
    assert preparation({"audio": x * 0}, {"audio": present})["audio"].abs().max() == 0


@pytest.mark.parametrize("rows", [40, 1500])
def test_many_features_are_reduced(rows):
    generator = torch.Generator().manual_seed(3)
    x = (torch.randn(rows, 5, generator=generator) @ torch.randn(5, 600, generator=generator))[:, None]
    preparation, present = fitted(x, [("compare", 600), ("egemaps", 0)][:1])
    assert preparation.dimensions == {"audio": 128}
    z = preparation({"audio": x}, {"audio": present})["audio"][:, 0]
    assert torch.isfinite(z).all()
    assert (z.std(0) > 1e-3).sum() >= 5
    # five directions hold everything: distances between rows survive in their order
    assert torch.linalg.matrix_rank(z[:, :20], atol=1e-2) >= 5


def test_the_state_goes_through_safetensors():
    x = torch.randn(60, 2, 600)
    preparation, present = fitted(x, [("compare", 600)])
    other = Preparation.from_description(preparation.describe())
    other.load_state_dict(load(save(preparation.state_dict())))
    given = {"audio": x}, {"audio": present}
    assert torch.equal(preparation(*given)["audio"], other(*given)["audio"])
