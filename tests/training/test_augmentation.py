"""What a step does to the rows it sees: as much as is asked for, where something is, and to a member as alone."""

from dataclasses import replace

import pytest
import torch
from emoflow.training.augmentation import LAYERS, disturbed, gather
from emoflow.training.counters import member_seeds
from emoflow.training.data import UNLABELLED, Batch, Rows
from emoflow.training.hyperparameters import HYPERPARAMETERS
from emoflow.training.losses import class_counts

CLASSES = 4
SIZES = {"audio": (12, 10), "face": (1, 6)}
COUNT = 400


def rows(*, gaps: bool = False, bare: int = 0) -> Rows:
    generator = torch.Generator().manual_seed(5)
    tokens = {name: torch.randn(COUNT, *size, generator=generator) + 3 for name, size in SIZES.items()}
    present = {name: torch.ones(COUNT, size[0], dtype=torch.bool) for name, size in SIZES.items()}
    if gaps:
        present["audio"] = torch.rand(COUNT, SIZES["audio"][0], generator=generator) < 0.6
    target = torch.randint(0, CLASSES, (COUNT,), generator=generator)
    target[COUNT - bare :] = UNLABELLED
    return Rows(tokens, present, target)


def batch(held: Rows, *members: dict, step: int = 3, counts: torch.Tensor | None = None) -> Batch:
    """All rows in their order, each mixed with the one before, for members of these hyper-parameters."""
    hyper = {
        name: torch.tensor([member.get(name, known.default) for member in members])
        for name, known in HYPERPARAMETERS.items()
    }
    index = torch.arange(COUNT).expand(len(members), COUNT)
    return gather(
        held,
        index,
        index.roll(1, dims=1),
        classes=CLASSES,
        hyper=hyper,
        on=frozenset(name for name, values in hyper.items() if (values > 0).any()),
        seeds=member_seeds([11 + i for i in range(len(members))], "cpu"),
        step=step,
        counts=counts,
    )


AUGMENTED = {
    "feature_noise": 0.4,
    "mask_time": 0.5,
    "mask_features": 0.5,
    "modality_dropout": 0.3,
    "mixup": 0.4,
    "smoothing": 0.1,
}


def test_without_any_the_rows_are_as_they_were():
    held = rows(gaps=True)
    seen = batch(held, {}, {})
    for name, x in held.tokens.items():
        assert all(torch.equal(seen.tokens[name][k], x) for k in range(2))


@pytest.mark.parametrize("name", AUGMENTED)
def test_a_member_sees_what_it_would_see_alone(name):
    held = rows(gaps=True)
    together, alone = (
        batch(held, {name: AUGMENTED[name]}, {}, AUGMENTED),
        batch(held, {name: AUGMENTED[name]}),
    )
    for modality in SIZES:
        assert torch.equal(together.tokens[modality][0], alone.tokens[modality][0])
        assert torch.equal(together.present[modality][0], alone.present[modality][0])
        assert torch.equal(together.tokens[modality][1], held.tokens[modality])
        assert torch.equal(together.present[modality][1], held.present[modality])
    assert torch.equal(together.target[0], alone.target[0])


def test_noise_is_normal_of_the_members_deviation_and_new_in_each_step_and_modality():
    held = rows()
    seen = batch(held, {"feature_noise": 0.5}, {"feature_noise": 1.0})
    noise = seen.tokens["audio"] - held.tokens["audio"]
    assert noise.mean().abs() < 0.01
    assert noise[0].std() == pytest.approx(0.5, abs=0.01)
    assert noise[1].std() == pytest.approx(1.0, abs=0.02)
    within = (noise[1].abs() < 1.0).float().mean()
    assert within == pytest.approx(0.6827, abs=0.01)
    kurtosis = (noise[1] ** 4).mean() / (noise[1] ** 2).mean() ** 2
    assert kurtosis == pytest.approx(3.0, abs=0.15)
    later = batch(held, {"feature_noise": 1.0}, step=4).tokens["audio"][0] - held.tokens["audio"]
    face = (seen.tokens["face"][1] - held.tokens["face"]).flatten()
    for other in (noise[0].flatten()[: len(face)], later.flatten()[: len(face)], face):
        alike = torch.corrcoef(torch.stack([noise[1].flatten()[: len(face)], other]))[0, 1]
        assert abs(alike) < 0.08


def test_noise_leaves_what_is_absent():
    held = rows(gaps=True)
    seen = batch(held, {"feature_noise": 1.0})
    absent = ~held.present["audio"]
    assert torch.equal(seen.tokens["audio"][0][absent], held.tokens["audio"][absent])
    assert (seen.tokens["audio"][0] == held.tokens["audio"])[~absent].float().mean() < 0.001


@pytest.mark.parametrize("gaps", [False, True])
def test_time_is_masked_in_one_block_of_the_tokens_that_are_there(gaps):
    held = rows(gaps=gaps)
    seen = batch(held, {"mask_time": 0.5})
    masked = (seen.tokens["audio"][0] == 0).all(-1)
    lengths = []
    for row, there in zip(masked, held.present["audio"], strict=True):
        assert not (row & ~there).any()
        inside = row[there].int()  # in order of time, without the gaps
        assert (inside.diff() == 1).sum() + inside[:1].sum() <= 1
        assert inside.sum() <= there.sum() // 2
        lengths.append(int(inside.sum()))
    if not gaps:
        counts = torch.bincount(torch.tensor(lengths), minlength=7)
        assert len(counts) == 7 and counts.min() > COUNT / 7 / 2
        assert masked.float().mean(0).max() < 0.45 and masked.float().mean(0).min() > 0.05
    assert (seen.tokens["face"][0] != 0).all()  # a single token stays


def test_features_are_masked_in_one_block_in_all_tokens_of_a_row():
    held = rows()
    seen = batch(held, {"mask_features": 0.3})
    for name, (_, size) in SIZES.items():
        masked = seen.tokens[name][0] == 0
        assert (masked == masked[:, :1]).all()
        columns = masked[:, 0].int()
        assert ((columns.diff(dim=1) == 1).sum(1) + columns[:, 0]).max() == 1
        assert columns.sum(1).max() == int(0.3 * size)
        assert columns.sum(1).min() == 0


def test_mixup_leaves_rows_without_a_label_and_their_neighbours_alone():
    held = rows(bare=COUNT // 2)
    seen = batch(held, {"mixup": 0.8})
    bare = held.target == UNLABELLED
    alone = bare | bare.roll(1)
    assert torch.equal(seen.tokens["audio"][0][alone], held.tokens["audio"][alone])
    mixed = (seen.tokens["audio"][0] != held.tokens["audio"]).flatten(1).any(1)
    assert mixed[~alone].all()
    hot = torch.nn.functional.one_hot(held.target[~bare], CLASSES).float()
    first = seen.target[0][0]
    assert torch.equal(first, hot[0])  # the row before the first is one without a label
    assert torch.equal(seen.weight[0], (~bare).float())


def test_a_second_view_of_the_same_step_is_another():
    held = rows()
    one = batch(held, {})
    hyper = {name: torch.tensor([AUGMENTED.get(name, 0.0)]) for name in HYPERPARAMETERS}
    views = [
        disturbed(one, hyper=hyper, on=frozenset(AUGMENTED), seeds=member_seeds([1], "cpu"), step=2, stream=s)
        for s in (0, 0, 5000)
    ]
    assert torch.equal(views[0].tokens["audio"], views[1].tokens["audio"])
    assert not torch.equal(views[0].tokens["audio"], views[2].tokens["audio"])


def test_streams_of_random_numbers_lie_apart():
    numbers = sorted(LAYERS.values())
    assert numbers[0] > 1000
    own = [LAYERS[name] for name in ("feature_noise", "mask_time", "mask_features")]
    assert all(b - a >= 100 for a, b in zip(sorted(own), sorted(own)[1:], strict=False))


def test_mixup_mixes_all_that_a_row_is_taught_by():
    """One coefficient a row, whether in tokens, target, classes or side targets; what one of the two lacks is NaN."""
    held = rows()
    valence = torch.linspace(-1, 1, COUNT)
    valence[::10] = torch.nan
    held = replace(held, side={"valence": valence})
    seen = batch(held, {"mixup": 0.8})
    before = held.tokens["face"].roll(1, 0)
    share = ((seen.tokens["face"][0] - before) / (held.tokens["face"] - before)).mean((1, 2)).unsqueeze(-1)
    hot = torch.nn.functional.one_hot(held.target, CLASSES).float()
    mixed = share * hot + (1 - share) * hot.roll(1, 0)
    torch.testing.assert_close(seen.target[0], mixed, atol=1e-3, rtol=0)
    torch.testing.assert_close(seen.classes[0], mixed, atol=1e-3, rtol=0)
    expected = share.squeeze(-1) * valence + (1 - share.squeeze(-1)) * valence.roll(1, 0)
    torch.testing.assert_close(seen.side["valence"][0], expected, atol=1e-3, rtol=0, equal_nan=True)


def test_a_mixed_row_counts_as_its_two_rows_by_their_weights():
    held = rows()
    held.target[:] = torch.arange(COUNT) % 8 // 7  # 7 : 1
    seen = batch(held, {"mixup": 0.5, "class_balance": 1.0}, counts=class_counts(held.target, CLASSES))
    marginal = (seen.weight[0].unsqueeze(-1) * seen.target[0]).sum(0)
    assert (marginal / marginal.sum())[:2].tolist() == pytest.approx([0.5, 0.5], abs=0.03)
