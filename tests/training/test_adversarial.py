"""The attack stays within its radius, goes uphill, and touches nothing that is absent."""

import pytest
import torch
from emoflow.training.adversarial import attack
from emoflow.training.counters import member_seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import grad, vmap

MEMBERS, ROWS, LENGTH, SIZE = 2, 4, 3, 5
SEEDS = member_seeds([1, 2], "cpu")


def given_tokens(seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    shape = (MEMBERS, ROWS, LENGTH, SIZE)
    return (
        {"audio": torch.randn(shape, generator=generator)},
        {"audio": torch.rand(shape[:3], generator=generator) < 0.6},
    )


def linear(direction: torch.Tensor):
    """The loss is the tokens' product with a direction, so its gradient is known."""
    return lambda tokens: {"audio": direction.expand_as(tokens["audio"])}


def test_one_step_is_the_sign_of_the_gradient_times_the_radius():
    tokens, present = given_tokens()
    direction = torch.tensor([1.0, -3.0, 0.0, 0.1, -0.2])
    moved = attack(
        linear(direction),
        tokens,
        present,
        radius=torch.tensor([0.3, 0.0]),
        steps=1,
        seeds=SEEDS,
        step=0,
    )["audio"]
    change = moved - tokens["audio"]
    expected = torch.where(present["audio"][0, ..., None], 0.3 * direction.sign(), 0.0)
    torch.testing.assert_close(change[0], expected)
    assert torch.equal(moved[1], tokens["audio"][1])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), steps=st.integers(1, 6), radius=st.floats(0.0, 2.0))
def test_it_stays_within_the_radius_and_raises_the_loss(seed, steps, radius):
    tokens, present = given_tokens(seed)
    way = torch.randn(SIZE, generator=torch.Generator().manual_seed(seed))
    loss = lambda x, mask: torch.nn.functional.softplus((x * mask.unsqueeze(-1)) @ way).sum()  # noqa: E731
    uphill = lambda t: {"audio": vmap(grad(loss))(t["audio"], present["audio"])}  # noqa: E731
    moved = attack(
        uphill,
        tokens,
        present,
        radius=torch.tensor([radius, 0.0]),
        steps=steps,
        seeds=SEEDS,
        step=7,
    )["audio"]
    change = moved - tokens["audio"]
    assert change.abs().max() <= radius + 1e-5
    assert not change[~present["audio"]].any()
    assert torch.equal(moved[1], tokens["audio"][1])
    before, after = (loss(x[0], present["audio"][0]) for x in (tokens["audio"], moved))
    assert after >= before - 1e-5


@pytest.mark.parametrize("steps", [1, 3])
def test_a_member_is_attacked_as_it_would_be_alone(steps):
    tokens, present = given_tokens()
    radius = torch.tensor([0.3, 0.7])
    step = {"steps": steps, "step": 5}
    direction = linear(torch.tensor([1.0, -3.0, 0.0, 0.1, -0.2]))
    both = attack(direction, tokens, present, radius=radius, seeds=SEEDS, **step)["audio"]
    alone = attack(
        direction,
        {"audio": tokens["audio"][1:]},
        {"audio": present["audio"][1:]},
        radius=radius[1:],
        seeds=SEEDS[1:],
        **step,
    )["audio"]
    assert torch.equal(both[1], alone[0])


def test_several_steps_start_at_random_and_reach_the_border():
    tokens, present = given_tokens()
    nowhere = linear(torch.zeros(SIZE))
    options = {"radius": torch.tensor([0.5, 0.5]), "steps": 2, "seeds": SEEDS}
    first, second = (attack(nowhere, tokens, present, step=step, **options)["audio"] for step in (0, 1))
    there = present["audio"]
    assert (first[there] != tokens["audio"][there]).float().mean() > 0.9
    assert not torch.equal(first, second)
    moved = attack(linear(torch.ones(SIZE)), tokens, present, step=0, **options)["audio"]
    torch.testing.assert_close(moved[there] - tokens["audio"][there], torch.full_like(moved[there], 0.5))
