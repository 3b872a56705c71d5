"""First weights drawn for all members at once: each member's own, and of the distributions that torch draws from."""

from functools import partial

import pytest
import torch
from emoflow.fusion.strategy import REGISTRY, build, uses
from emoflow.training.initial import Distribution, UnknownDraw, distributions, first_weights
from emoflow.training.population import Member, Population
from scipy.stats import ks_2samp
from simulated_rows import CLASSES, SHAPE, SIZES
from torch import nn

WIDE = SHAPE | {"width": 32, "layers": 2}


def maker(strategy: str, config=SHAPE) -> partial:
    dimensions = {name: SIZES[name] for name in uses(strategy, tuple(SIZES))}
    return partial(build, strategy, dimensions=dimensions, classes=CLASSES, config=config)


@pytest.mark.parametrize("strategy", ["audio", *REGISTRY])
def test_every_strategy_is_known_and_a_member_is_its_own(strategy):
    seeds = [100 + i for i in range(6)]
    _, weights, buffers, notice = first_weights(maker(strategy), seeds, device="cpu")
    assert notice is None
    for i, seed in enumerate(seeds):
        _, alone, own, _ = first_weights(maker(strategy), [seed], device="cpu")
        assert torch.equal(weights[i], alone[0])
        assert all(torch.equal(x[i], own[name][0]) for name, x in buffers.items())


@pytest.mark.parametrize("strategy", ["gradual", "low-rank-tensor", "bottleneck"])
def test_the_distributions_are_those_of_torch(strategy):
    make, members = maker(strategy, WIDE), 48
    model, weights, _, _ = first_weights(make, list(range(members)), device="cpu")
    torch.manual_seed(0)
    built = [dict(make().named_parameters()) for _ in range(members)]
    sizes = [p.numel() for p in model.parameters()]
    for (name, _), mine in zip(model.named_parameters(), weights.split(sizes, dim=1), strict=True):
        theirs = torch.stack([each[name].detach().flatten() for each in built])
        if torch.equal(theirs[0], theirs[1]):
            assert torch.equal(mine, theirs), name
        else:
            assert ks_2samp(mine.flatten().numpy(), theirs.flatten().numpy()).pvalue > 1e-4, name


def test_members_parameters_and_elements_have_nothing_to_do_with_one_another():
    def make() -> nn.ModuleList:
        return nn.ModuleList(nn.Linear(64, 64, bias=False) for _ in range(2))

    _, weights, _, _ = first_weights(make, [1, 2], device="cpu")
    first, second = weights.split(64 * 64, dim=1)
    for one, other in ((first[0], first[1]), (first[0], second[0]), (first[0, 1:], first[0, :-1])):
        assert abs(torch.corrcoef(torch.stack((one, other)))[0, 1]) < 0.06
    assert len(first[0].unique()) > 4090


def made(change) -> nn.Linear:
    linear = nn.Linear(8, 8)
    with torch.no_grad():
        change(linear.weight)
    return linear


@pytest.mark.parametrize(
    ("change", "distribution"),
    [
        (lambda x: x.mul_(0.5), Distribution("uniform", -0.5 / 8**0.5, 0.5 / 8**0.5)),
        (lambda x: nn.init.normal_(x, 1.0, 0.3), Distribution("normal", 1.0, 0.3)),
        (lambda x: nn.init.xavier_uniform_(x), Distribution("uniform", -((6 / 16) ** 0.5), (6 / 16) ** 0.5)),
        (lambda x: x.copy_(torch.randn(8, 8) * -2), Distribution("normal", 0.0, 2.0)),
        (lambda x: x.copy_(torch.rand(8, 8) * -2), Distribution("uniform", -2.0, 0.0)),
    ],
)
def test_what_is_a_multiple_of_a_draw_is_known(change, distribution):
    _, found = distributions(lambda: made(change))
    assert found["weight"].kind == distribution.kind
    assert (found["weight"].a, found["weight"].b) == pytest.approx((distribution.a, distribution.b))


@pytest.mark.parametrize(
    "change",
    [nn.init.orthogonal_, nn.init.trunc_normal_, lambda x: x.add_(1.0), lambda x: x[:4].zero_()],
    ids=["orthogonal", "truncated", "shifted", "partly"],
)
def test_what_is_not_is_refused(change):
    with pytest.raises(UnknownDraw, match="weight"):
        distributions(lambda: made(change))


def test_two_parameters_of_one_draw_are_refused():
    def twins() -> nn.ModuleList:
        pair = nn.ModuleList(nn.Linear(8, 8, bias=False) for _ in range(2))
        pair[1].load_state_dict(pair[0].state_dict())
        return pair

    with pytest.raises(UnknownDraw, match=r"1\.weight"):
        distributions(twins)


def test_models_of_an_unknown_draw_are_built_one_after_another_as_torch_draws(monkeypatch):
    def orthogonal(linear: nn.Linear) -> None:
        nn.init.orthogonal_(linear.weight)
        nn.init.zeros_(linear.bias)

    monkeypatch.setattr(nn.Linear, "reset_parameters", orthogonal)
    members = [Member(SHAPE, seed) for seed in (3, 4)]
    population = Population("late-average", members, dimensions=SIZES, classes=CLASSES)
    (notice,) = population.notices
    assert "one after another" in notice
    torch.manual_seed(4)
    own = dict(maker("late-average")().named_parameters())
    state = population.state()
    assert all(torch.equal(state[name][1], x) for name, x in own.items())
