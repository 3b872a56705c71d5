"""Rows without a label: they teach by consistency alone, and are nothing to whoever does not ask for it."""

import pytest
import simulated_rows
import torch
from emoflow.fusion.strategy import REGISTRY
from emoflow.training.consistency import consistency, idle, sure, view_size
from emoflow.training.data import UNLABELLED, Batch, Rows
from emoflow.training.population import Member, Population
from simulated_rows import CLASSES, SHAPE, SIZES

LEARNT = SHAPE | {"learning_rate": 3e-3}
DROPPED = {"dropout": 0.3, "input_dropout": 0.2, "smoothing": 0.1, "mixup": 0.3}
CONSISTENT = {"consistency_weight": 1.0, "pseudo_threshold": 0.3}  # below 1 / CLASSES: all are sure at once


def rows(count: int, seed: int, *, labelled: float = 1.0, noise: float = 1.0) -> Rows:
    made = simulated_rows.rows(count, seed, noise=noise)
    made.target[round(labelled * count) :] = UNLABELLED
    return made


def population(configs: list[dict], strategy: str = "late-average") -> Population:
    members = [Member(LEARNT | config, seed=100 + i) for i, config in enumerate(configs)]
    return Population(strategy, members, dimensions=SIZES, classes=CLASSES)


def flat(configs: list[dict], data: Rows, *, epochs: int = 2) -> torch.Tensor:
    trained = population(configs)
    trained.fit(data, epochs=epochs)
    return trained.optimizer.flat


@pytest.mark.slow
@pytest.mark.parametrize("strategy", REGISTRY)
def test_a_member_alone_equals_the_member_in_a_population(strategy):
    data, validation = rows(120, 1, labelled=0.3), rows(40, 2)
    configs = [DROPPED | CONSISTENT, DROPPED]
    curves = population(configs, strategy).fit(data, epochs=2, validation=validation)
    for i in range(2):
        one = Population(
            strategy, [Member(LEARNT | configs[i], 100 + i)], dimensions=SIZES, classes=CLASSES
        ).fit(data, epochs=2, validation=validation)
        for name in ("train_loss", "loss"):
            mine = [epoch[0] for epoch in getattr(one, name)]
            assert mine == pytest.approx([epoch[i] for epoch in getattr(curves, name)], abs=1e-4), (name, i)


def test_unlabelled_rows_change_nothing_where_they_are_not_asked_for():
    data = rows(120, 1, labelled=0.5)
    known = data.at(data.target != UNLABELLED)
    assert torch.equal(flat([DROPPED], data), flat([DROPPED], known))


def test_unlabelled_rows_teach_where_they_are_asked_for():
    data = rows(120, 1, labelled=0.5)
    known = data.at(data.target != UNLABELLED)
    without, labelled, all_rows = (
        flat([config], held, epochs=10)
        for config, held in (({}, known), (CONSISTENT, known), (CONSISTENT, data))
    )
    assert not torch.allclose(labelled, without, atol=1e-3)
    assert not torch.allclose(all_rows, labelled, atol=1e-3)


def test_nobody_is_taught_by_what_is_not_sure():
    data = rows(120, 1, labelled=0.5)
    timid = CONSISTENT | {"pseudo_threshold": 1.0}
    torch.testing.assert_close(flat([timid], data, epochs=1), flat([{}], data, epochs=1))


def test_sure_by_hand():
    logits = torch.tensor([[[0.0, 0.0], [3.0, 0.0], [0.0, 5.0]]]).expand(2, 3, 2)
    label, weight = sure(logits, torch.tensor([0.95, 0.99]), torch.tensor([0.0, 0.0]))
    assert label[0, 1:].tolist() == [0, 1]
    assert weight.tolist() == [[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]  # 0.5, 0.9526, 0.9933
    smoothed = sure(logits, torch.tensor([1.0, 1.0]), torch.tensor([0.2, 0.0]))[1]
    assert smoothed.tolist() == [[0.0, 1.0, 1.0], [0.0, 0.0, 0.0]]  # of 0.9 at the most


def test_the_loss_is_a_mean_over_all_rows_not_over_the_sure_ones():
    logits = torch.log(torch.tensor([[0.8, 0.2], [0.4, 0.6], [0.5, 0.5]]))
    target = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    view = Batch({}, {}, target, torch.tensor([1.0, 0.0, 1.0]), target, {})
    expected = -(torch.log(torch.tensor(0.8)) + torch.log(torch.tensor(0.5))) / 3
    torch.testing.assert_close(consistency(logits, view), expected)


def test_an_epoch_sees_all_rows_once_but_few_for_each_labelled_one():
    assert view_size(32, labelled=320, rows=320) == 32
    assert view_size(32, labelled=320, rows=960) == 96
    assert view_size(32, labelled=320, rows=100_000) == 4 * 32
    assert view_size(10, labelled=10, rows=12) == 10


def test_rows_that_nothing_learns_from_are_told():
    assert "56 utterances without a label" in idle(56, [{"dropout": 0.1}])
    assert idle(56, [{"dropout": 0.1}, {"consistency_weight": 1.0}]) is None
    assert idle(0, [{}]) is None


@pytest.mark.slow
@pytest.mark.parametrize(("threshold", "harmless"), [(0.9, True), (0.5, False)])
def test_unlabelled_rows_do_no_harm_while_only_the_sure_ones_teach(threshold, harmless):
    """By the same seeds with and without them: two sets of seeds differ by more than anything that is learnt here."""
    few, many, pairs = 18, 1200, 3
    test, gains = rows(1500, 3, noise=1.6), []
    for seed in range(2):
        data = rows(few + many, 10 + seed, labelled=few / (few + many), noise=1.6)
        members = [
            Member(LEARNT | {"consistency_weight": w, "pseudo_threshold": threshold, "dropout": 0.2}, 100 + i)
            for i in range(pairs)
            for w in (0.0, 1.0)
        ]
        trained = Population("late-average", members, dimensions=SIZES, classes=CLASSES)
        ua = trained.fit(data, epochs=100, validation=test).ua[-1]
        gains.append(torch.tensor(ua).view(pairs, 2).diff().mean())
    assert (torch.stack(gains).mean() > -0.02) == harmless, gains
