"""What is learned beside the emotion: heads by hand, the reversed gradient, and rows of which nothing is told."""

import math

import numpy as np
import pytest
import torch
from emoflow.training.heads import DIMENSIONS, discordance, reversed_gradient, side_loss, wanted
from torch.func import grad, vmap

NAN = float("nan")
ALL = frozenset({"dimension_weight", "intensity_weight", "gender_adversary"})
ONE = {name: torch.tensor(1.0) for name in ALL}


def heads_of(size: int, on=ALL) -> dict[str, torch.Tensor]:
    return {name: torch.zeros(size + 1) for name in wanted(frozenset(on))}


def test_heads_are_those_that_are_weighed():
    assert wanted(frozenset({"mixup"})) == ()
    assert wanted(frozenset({"gender_adversary", "dimension_weight"})) == (*DIMENSIONS, "gender")


def test_concordance_by_hand():
    truth = torch.tensor([-1.0, 0.0, 1.0, NAN])
    said = torch.tensor([0.0, 0.5, 1.0, 77.0])
    # covariance 1/3, variances 2/3 and 1/6, means 0 and 1/2
    assert discordance(said, truth).item() == pytest.approx(1 - 2 / 3 / (2 / 3 + 1 / 6 + 1 / 4), rel=1e-5)
    assert discordance(truth.nan_to_num(5.0), truth).item() == pytest.approx(0, abs=1e-6)
    r = np.corrcoef(truth[:3], said[:3])[0, 1]
    assert discordance(said, truth) > 1 - r  # concordance is never above correlation


def test_dimensions_that_a_batch_does_not_tell_do_not_count():
    x, truth = torch.tensor([[-1.0], [0.0], [1.0]]), torch.tensor([-1.0, 0.0, 1.0])
    heads = {name: torch.tensor([1.0, 0.0]) for name in DIMENSIONS}
    side = {"valence": truth, "arousal": -truth, "dominance": torch.full((3,), NAN)}
    on = frozenset({"dimension_weight"})
    assert side_loss(x, heads, side, ONE, on).item() == pytest.approx(1.0)  # the mean of 0 and 2
    side["arousal"] = torch.full((3,), NAN)
    assert side_loss(x, heads, side, ONE, on).item() == pytest.approx(0.0, abs=1e-6)
    assert side_loss(x, heads, dict.fromkeys(DIMENSIONS, side["arousal"]), ONE, on) == 0
    assert side_loss(x, heads, {}, ONE, ALL) == 0


def test_intensity_by_hand():
    x = torch.tensor([[2.0], [1.0], [0.0]])
    heads = {"intensity": torch.tensor([0.5, 0.25])}  # says 1.25, 0.75, 0.25
    side = {"intensity": torch.tensor([1.0, 0.5, NAN])}
    loss = side_loss(x, heads, side, ONE, frozenset({"intensity_weight"}))
    assert loss.item() == pytest.approx(0.0625)


def test_the_gender_head_learns_and_the_embedding_forgets():
    x = torch.tensor([[1.0], [-1.0], [4.0]])
    heads = {"gender": torch.tensor([2.0, 0.0])}
    side = {"gender": torch.tensor([1.0, 0.0, NAN])}
    on = frozenset({"gender_adversary"})
    loss = lambda x, h: side_loss(x, h, side, ONE, on)  # noqa: E731
    assert loss(x, heads).item() == pytest.approx(math.log(1 + math.exp(-2)))
    wrong = 1 / (1 + math.exp(2))
    moved = grad(loss, argnums=1)(x, heads)["gender"]
    assert moved[0].item() == pytest.approx(-wrong)  # downhill is a larger weight: a better head
    uphill = grad(loss)(x, heads)
    assert uphill[0, 0].item() == pytest.approx(2 * wrong / 2)  # downhill is a smaller feature: a worse head
    assert uphill[2, 0] == 0
    assert torch.equal(reversed_gradient(x), x)


@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("scale", [0.0, 1.0, 100.0])
def test_gradients_are_finite_under_vmap_whatever_is_told(rows, scale):
    generator = torch.Generator().manual_seed(rows)
    x = torch.randn(3, rows, 4, generator=generator) * scale
    told = torch.rand(3, rows, generator=generator)
    names = [*DIMENSIONS, "intensity", "gender"]
    side = {name: told.where(torch.rand(3, rows, generator=generator) < 0.5, NAN) for name in names}
    heads = {name: head.expand(3, -1) for name, head in heads_of(4).items()}
    hyper = {name: torch.tensor([1.0, 0.5, 0.0]) for name in ALL}
    of_x, of_heads = vmap(grad(lambda x, h, s, v: side_loss(x, h, s, v, ALL), argnums=(0, 1)))(
        x, heads, side, hyper
    )
    assert all(torch.isfinite(each).all() for each in (of_x, *of_heads.values()))
    assert not of_x[2].any()
