"""What is minimised: each term by hand, finite under vmap, and without effect where its weight is 0."""

import math

import pytest
import torch
from emoflow.fusion.output import FusionOutput
from emoflow.training.contrast import TEMPERATURE, alignment, supervised_contrast
from emoflow.training.data import UNLABELLED, Batch
from emoflow.training.hyperparameters import HYPERPARAMETERS
from emoflow.training.losses import (
    balanced,
    class_counts,
    cross_entropy,
    distillation,
    objective,
    prior_of,
    soft_targets,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import grad, vmap

NONE = torch.tensor(0.0)
TERMS = ["focal", "contrast_weight", "align_weight", "distill_weight", "unimodal_weight"]


def one_hot(label: torch.Tensor, classes: int) -> torch.Tensor:
    return (label.unsqueeze(-1) == torch.arange(classes)).float()


def test_raters_votes_move_the_target_and_rows_without_votes_keep_their_label():
    shares = torch.tensor([[0.25, 0.75, 0.0], [0.0, 0.0, 0.0]])
    made = soft_targets(
        torch.tensor([0, 2]), classes=3, smoothing=NONE, shares=shares, soft=torch.tensor(0.5)
    )
    torch.testing.assert_close(made, torch.tensor([[0.625, 0.375, 0.0], [0.0, 0.0, 1.0]]))
    smoothed = soft_targets(torch.tensor([0]), classes=4, smoothing=torch.tensor(0.2))
    torch.testing.assert_close(smoothed, torch.tensor([[0.85, 0.05, 0.05, 0.05]]))


def test_soft_labels_are_the_divergence_from_the_votes_but_for_their_entropy():
    votes = torch.tensor([[0.2, 0.3, 0.5]])
    target = soft_targets(torch.tensor([2]), classes=3, smoothing=NONE, shares=votes, soft=torch.tensor(1.0))
    entropy = -(votes * votes.log()).sum()
    for logits in torch.randn(4, 1, 3, generator=torch.Generator().manual_seed(0)):
        divergence = torch.nn.functional.kl_div(logits.log_softmax(-1), votes, reduction="sum")
        torch.testing.assert_close(cross_entropy(logits, target, torch.ones(1)), divergence + entropy)


def test_focal_by_hand():
    logits = torch.tensor([[math.log(4.0), 0.0]])  # p = 0.8, 0.2
    target = torch.tensor([[1.0, 0.0]])
    loss = cross_entropy(logits, target, torch.ones(1), torch.tensor(2.0))
    assert loss.item() == pytest.approx(-(0.2**2) * math.log(0.8), rel=1e-5)
    plain = cross_entropy(logits, target, torch.ones(1))
    assert torch.equal(cross_entropy(logits, target, torch.ones(1), NONE), plain)


def test_balance_gives_every_class_the_same_sum_of_weights():
    label = torch.tensor([[0, 0, 0, 1, UNLABELLED]]).expand(3, -1)
    counts = class_counts(label[0], 2)
    assert counts.tolist() == [3, 1]
    weight = (label >= 0).float()
    batch = Batch({}, {}, torch.zeros(3, 5, 2), weight, one_hot(label, 2), {})
    made = balanced(batch, counts, torch.tensor([0.0, 0.5, 1.0])).weight
    assert torch.equal(made[0], weight[0])
    torch.testing.assert_close(made[2], torch.tensor([2 / 3, 2 / 3, 2 / 3, 2.0, 0.0]))
    torch.testing.assert_close(made[1], made[2].sqrt())


def test_the_prior_is_the_mean_target_as_each_member_is_trained():
    target = torch.tensor([0] * 7 + [1] * 2 + [2, UNLABELLED])
    shares = torch.zeros(11, 3)
    shares[9] = torch.tensor([0.0, 1.0, 0.0])  # the raters of the only row of class 2 said class 1
    hyper = hyper_of(4, class_balance=[0, 1, 0, 0], smoothing=[0, 0, 0.3, 0], soft_labels=[0, 0, 0, 1])
    prior, weight = prior_of(target, shares, classes=3, hyper={k: x.float() for k, x in hyper.items()})
    torch.testing.assert_close(prior[0], torch.tensor([0.7, 0.2, 0.1]))
    torch.testing.assert_close(prior[1], torch.full((3,), 1 / 3))
    torch.testing.assert_close(prior[2], 0.7 * prior[0] + 0.1)
    torch.testing.assert_close(prior[3], torch.tensor([7, 3, 0.5]) / 10.5)
    torch.testing.assert_close(weight[1], torch.tensor([10 / 21, 10 / 6, 10 / 3]))


def test_supervised_contrast_by_hand():
    z = torch.tensor([[2.0, 0.0], [3.0, 0.0], [0.0, 1.0], [0.0, 5.0]], dtype=torch.float64)
    label = torch.tensor([0, 0, 1, UNLABELLED])
    # Of rows 0 and 1 each other is the positive, row 2 the negative; row 2 has no positive, row 3 no label.
    one = -math.log(math.exp(1 / TEMPERATURE) / (math.exp(1 / TEMPERATURE) + 1))
    assert supervised_contrast(z, one_hot(label, 4)).item() == pytest.approx(one, rel=1e-4)
    assert supervised_contrast(z, one_hot(torch.tensor([0, 1, 2, 3]), 4)).item() == 0
    assert supervised_contrast(z, one_hot(torch.full((4,), UNLABELLED), 4)).item() == 0


def test_alignment_by_hand():
    each = {"audio": torch.eye(3) * 2, "face": torch.eye(3)[[0, 2, 1]]}
    there = {"audio": torch.tensor([True] * 3), "face": torch.tensor([True, True, False])}
    # Row 0 finds itself beside one stranger; row 1's own lies at 0, as does the stranger's; row 2 lacks the face.
    right = math.log(math.exp(1 / TEMPERATURE) + 1) - 1 / TEMPERATURE
    assert alignment(each, there).item() == pytest.approx((right + math.log(2)) / 2, rel=1e-4)
    nobody = {name: torch.zeros(3, dtype=torch.bool) for name in each}
    assert alignment(each, nobody).item() == 0


def test_distillation_by_hand_and_moves_the_pupil_alone():
    teacher = torch.tensor([[2.0, 0.0], [9.0, 9.0]], requires_grad=True)
    pupil = torch.tensor([[0.0, 0.0], [5.0, 1.0]], requires_grad=True)
    loss = distillation(teacher, {"audio": pupil}, {"audio": torch.tensor([True, False])})
    p = 1 / (1 + math.exp(-1.0))  # at temperature 2
    expected = 4 * (p * math.log(p / 0.5) + (1 - p) * math.log((1 - p) / 0.5))
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert teacher.grad is None
    assert pupil.grad[0].abs().sum() > 0 and pupil.grad[1].abs().sum() == 0
    assert pupil.grad[0, 0] < 0  # towards the teacher


def step(members: int, rows: int, seed: int, scale: float) -> tuple[torch.Tensor, Batch]:
    """Outputs as one tensor ``[K, B, 3 + 2·3 + 2·4]``, and a batch in which some rows lack everything."""
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.randn(members, rows, 17, generator=generator) * scale
    label = torch.randint(-1, 3, (members, rows), generator=generator)
    target = torch.nn.functional.one_hot(label.clamp(min=0), 3).float()
    present = {m: torch.rand(members, rows, 2, generator=generator) < 0.4 for m in ("audio", "face")}
    return outputs, Batch({}, present, target, (label >= 0).float(), one_hot(label, 3), {})


def loss_of(x: torch.Tensor, batch: Batch, hyper: dict[str, torch.Tensor], on: frozenset[str]):
    logits, audio, face = x[:, :3], x[:, 3:6], x[:, 6:9]
    output = FusionOutput(
        logits,
        x[:, 9:13],
        {"audio": audio, "face": face},
        per_modality_embeddings={"audio": x[:, 9:13], "face": x[:, 13:]},
    )
    return objective(output, batch, hyper, on)


def hyper_of(members: int, **weights: list[float]) -> dict[str, torch.Tensor]:
    held = {name: torch.full((members,), known.default) for name, known in HYPERPARAMETERS.items()}
    return held | {name: torch.tensor(value) for name, value in weights.items()}


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), rows=st.integers(1, 6), scale=st.sampled_from([0.0, 1.0, 100.0]))
def test_gradients_are_finite_under_vmap_whatever_a_batch_lacks(seed, rows, scale):
    outputs, batch = step(2, rows, seed, scale)
    hyper = hyper_of(2, **{name: [0.7, 0.0] for name in TERMS})
    gradient = vmap(grad(lambda x, b, h: loss_of(x, b, h, frozenset(TERMS))))(outputs, batch, hyper)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("name", TERMS)
def test_a_weight_of_0_beside_one_that_is_used_changes_nothing(name):
    outputs, batch = step(2, 8, 3, 1.0)
    hyper = hyper_of(2, **{name: [0.5, 0.0]})
    with_it = vmap(lambda x, b, h: loss_of(x, b, h, frozenset({name})))(outputs, batch, hyper)
    without = vmap(lambda x, b, h: loss_of(x, b, h, frozenset()))(outputs, batch, hyper)
    assert with_it[1] == without[1]
    assert with_it[0] != without[0]
